// Asks for the gateway's numbers once a second, and draws them.

const EVERY = 1000;
const RECENT = 10;
// How many changes the list shows.
const LISTED = 8;
// What the chart shows, in milliseconds: the shortest that holds all samples.
const SPANS = [60_000, 120_000, 300_000];

const views = new Map();
let newest = 0;

const number = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

async function poll() {
  const link = document.getElementById("link");
  try {
    const answer = await fetch(`/status.json?after=${newest}`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(await answer.json());
    link.dataset.state = "live";
    link.textContent = "live";
    document.body.classList.remove("lost");
  } catch {
    link.dataset.state = "lost";
    link.textContent = "the gateway does not answer";
    document.body.classList.add("lost");
  }
  setTimeout(poll, EVERY);
}

function show(status) {
  for (const upstream of status.upstreams) {
    let view = views.get(upstream.name);
    if (!view) {
      view = new View(upstream);
      views.set(upstream.name, view);
    }
    view.update(upstream, status);
  }
  // The oldest of what each upstream has: what another has already is left out there.
  newest = Math.min(...[...views.values()].map((view) => view.newest()));
}

/// One upstream's section.
class View {
  constructor() {
    const template = document.getElementById("upstream").content.cloneNode(true);
    this.root = template.querySelector("section");
    this.svg = template.querySelector("svg");
    this.samples = [];
    this.events = new Map();
    this.pointed = null;
    document.getElementById("upstreams").append(template);
    new ResizeObserver(() => this.draw()).observe(this.svg.parentElement);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.point(null));
  }

  newest() {
    return this.samples.at(-1)?.time ?? 0;
  }

  update(upstream, status) {
    const had = this.newest();
    this.samples.push(...upstream.samples.filter((sample) => sample.time > had));
    this.samples = this.samples.slice(-status.samples_kept);
    for (const event of upstream.events) this.events.set(event.id, event);
    for (const id of [...this.events.keys()].slice(0, -200)) this.events.delete(id);
    this.sampleMs = status.sample_ms;
    const has = this.samples.length * status.sample_ms;
    this.span = SPANS.find((span) => span >= has) ?? status.samples_kept * status.sample_ms;

    const recent = this.samples.slice(-RECENT);
    const accepted = sum(this.samples, "accepted");
    const refused = sum(this.samples, "refused");
    const share = refused / Math.max(1, accepted + refused);
    const speed = (sum(recent, "accepted") * 1000) / Math.max(1, recent.length * status.sample_ms);
    this.field("name", upstream.name);
    this.field("url", upstream.url);
    this.field("says", says(upstream));
    this.field("in_flight", number.format(upstream.in_flight));
    this.field("limit", number.format(upstream.limit));
    this.field("queued", number.format(upstream.queued));
    this.field("max_queue", number.format(upstream.max_queue));
    this.field("pause", upstream.pause_ms === null ? "none" : oneDigit.format(upstream.pause_ms / 1000), upstream.pause_ms !== null && "s");
    this.field("speed", oneDigit.format(speed), "/ s");
    this.field("pace", upstream.rate === null ? "Not paced" : `Paced at ${oneDigit.format(upstream.rate)} / s`);
    this.field("accepted", number.format(upstream.accepted));
    this.field("refused_share", oneDigit.format(share * 100), "%");
    this.field("refused", number.format(upstream.refused));
    this.field("turned_away", number.format(upstream.turned_away)).classList.toggle("alert", upstream.turned_away > 0);
    this.field("abandoned", number.format(upstream.abandoned));
    this.draw();
  }

  field(name, text, unit) {
    const place = this.root.querySelector(`[data-field="${name}"]`);
    const parts = [text];
    if (unit) parts.push(" ", Object.assign(document.createElement("small"), { textContent: unit }));
    place.replaceChildren(...parts);
    return place;
  }

  point(event) {
    this.pointed = null;
    if (event && this.scale) {
      const at = this.scale.time(event.clientX - this.svg.getBoundingClientRect().left);
      this.pointed = this.samples.reduce(
        (best, sample) => (!best || Math.abs(sample.time - at) < Math.abs(best.time - at) ? sample : best),
        null,
      );
    }
    this.draw();
  }

  draw() {
    const width = this.svg.clientWidth;
    if (!width || !this.span) return;
    const last = this.pointed ?? this.samples.at(-1);
    this.field("readout", last ? readout(last, this.newest(), !!this.pointed) : "The first numbers come in a second.");
    const margin = { left: 40, right: 4 };
    const inner = width - margin.left - margin.right;
    const end = this.newest();
    this.scale = {
      x: (time) => margin.left + (1 - (end - time) / this.span) * inner,
      time: (x) => end - (1 - (x - margin.left) / inner) * this.span,
      left: margin.left,
      right: width - margin.right,
      step: (inner * this.sampleMs) / this.span,
    };
    const panes = [
      { height: 150, draw: flightPane },
      { height: 70, draw: queuePane },
      { height: 70, draw: answersPane },
    ];
    const parts = [];
    let top = 0;
    for (const pane of panes) {
      pane.draw(parts, this.scale, { top: top + 26, bottom: top + 26 + pane.height }, this.samples, this.events);
      top += pane.height + 36;
    }
    timeAxis(parts, this.scale, top + 8, this.span);
    if (this.pointed) {
      const x = this.scale.x(this.pointed.time);
      parts.push(element("line", { class: "cursor", x1: x, x2: x, y1: 20, y2: top - 8 }));
    }
    this.svg.setAttribute("height", top + 14);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${top + 14}`);
    this.svg.setAttribute("aria-label", `The last minutes. ${this.samples.length ? readout(this.samples.at(-1), end, false) : ""}`);
    this.svg.replaceChildren(...parts);
    this.list(end);
  }

  /// What changed, and why: around the time that is pointed at, or of late.
  list(end) {
    const until = this.pointed ? this.pointed.time : Infinity;
    const events = [...this.events.values()].filter((event) => event.time <= until).slice(-LISTED).reverse();
    const rows = events.map((event) => {
      const row = document.createElement("li");
      const ago = Math.max(0, Math.round((end - event.time) / 1000));
      const when = Object.assign(document.createElement("time"), { textContent: `${number.format(ago)} s ago` });
      const change = Object.assign(document.createElement("b"), { className: event.what, textContent: changeOf(event) });
      row.append(when, change, ` ${event.why}`);
      return row;
    });
    this.root.querySelector("[data-field=events]").replaceChildren(...rows);
    this.root.querySelector(".why").hidden = rows.length === 0;
  }
}

/// What changed, without the reason.
function changeOf(event) {
  const names = { limit: "Limit", rate: "Rate", circuit: "Circuit breaker", pause: "Pause", gave_up: "Given up" };
  return event.from === null ? names[event.what] : `${names[event.what]} ${event.from} → ${event.to}`;
}

/// Whether an event is worth a mark on the chart: not each step of a limit that grows, nor each end of a pause.
function isMarked(event) {
  if (event.what === "limit") return Number(event.to) < Number(event.from);
  return event.what !== "pause";
}

/// What goes on, in one line.
function says(upstream) {
  const waiting = upstream.queued === 0 ? "nobody waits" : `${number.format(upstream.queued)} wait`;
  if (upstream.pause_ms !== null) return `Paused after a refusal; ${waiting}.`;
  if (upstream.in_flight === 0 && upstream.queued === 0) return "Idle.";
  if (upstream.in_flight >= upstream.limit) return `As many are in flight as may be; ${waiting}.`;
  if (upstream.rate !== null && upstream.queued > 0) return `Sending at the API's pace; ${waiting}.`;
  return `${number.format(upstream.in_flight)} in flight; ${waiting}.`;
}

function readout(sample, end, pointed) {
  const ago = Math.round((end - sample.time) / 1000);
  const parts = [
    pointed && ago > 0 ? `${ago} s ago:` : "The last second:",
    `limit ${sample.limit}`,
    `in flight ${sample.in_flight}`,
    `waiting ${sample.queued}`,
    `answered ${sample.accepted}`,
    `refused ${sample.refused}`,
  ];
  if (sample.rate !== null) parts.push(`pace ${oneDigit.format(sample.rate)}/s`);
  if (sample.turned_away) parts.push(`turned away ${sample.turned_away}`);
  if (sample.paused) parts.push("paused");
  return parts.join(" · ").replace(": ·", ":");
}

function flightPane(parts, scale, box, samples, events) {
  const y = vertical(box, Math.max(1, most(samples, "limit"), most(samples, "in_flight")));
  for (const sample of samples.filter((sample) => sample.paused)) {
    const x = scale.x(sample.time) - scale.step;
    parts.push(element("rect", { class: "paused", x, y: box.top, width: scale.step + 0.5, height: box.bottom - box.top }));
  }
  frame(parts, scale, box, y, [["In flight", "flight"], ["and"], ["limit", "limit"]]);
  if (samples.some((sample) => sample.paused)) {
    parts.push(element("text", { x: scale.right, y: box.top - 9, "text-anchor": "end" }, "paused"));
    parts.push(element("rect", { class: "paused", x: scale.right - 58, y: box.top - 18, width: 11, height: 11 }));
  }
  parts.push(element("path", { class: "flight", d: area(scale, y, samples, "in_flight") }));
  parts.push(element("path", { class: "limit", d: steps(scale, y, samples, "limit") }));
  for (const event of events.values()) {
    const x = scale.x(event.time);
    if (x < scale.left || x > scale.right || !isMarked(event)) continue;
    const mark = element("circle", { class: `mark ${event.what}`, cx: x, cy: box.top - 1, r: 3.5 });
    mark.append(element("title", {}, `${changeOf(event)}: ${event.why}`));
    parts.push(mark);
  }
}

function queuePane(parts, scale, box, samples) {
  const y = vertical(box, Math.max(1, most(samples, "queued")));
  frame(parts, scale, box, y, [["Waiting", "queue"]]);
  parts.push(element("path", { class: "queue", d: area(scale, y, samples, "queued") }));
}

function answersPane(parts, scale, box, samples) {
  const highest = samples.reduce((high, sample) => Math.max(high, sample.accepted + sample.refused), 1);
  const y = vertical(box, highest);
  frame(parts, scale, box, y, [["Answered", "good"], ["and"], ["refused", "bad"], ["per second"]]);
  for (const sample of samples) {
    const x = scale.x(sample.time) - scale.step;
    const width = Math.max(1, scale.step - 0.5);
    const between = y(sample.accepted);
    const top = y(sample.accepted + sample.refused);
    if (sample.accepted) parts.push(element("rect", { class: "good", x, y: between, width, height: box.bottom - between }));
    // One refusal is to be seen beside a hundred answers.
    const height = Math.max(2, between - top);
    if (sample.refused) parts.push(element("rect", { class: "bad", x, y: between - height, width, height }));
  }
}

/// Grid, numbers, and a title whose words are coloured like what they stand for.
function frame(parts, scale, box, y, words) {
  for (const value of [0, y.most]) {
    parts.push(element("line", { class: "grid", x1: scale.left, x2: scale.right, y1: y(value), y2: y(value) }));
    parts.push(element("text", { x: scale.left - 7, y: y(value) + 4, "text-anchor": "end" }, number.format(value)));
  }
  const title = element("text", { x: scale.left, y: box.top - 9 });
  words.forEach(([word, kind], at) => {
    title.append(at ? " " : "", element("tspan", {}, word));
    if (kind) title.lastChild.setAttribute("class", `word ${kind}`);
  });
  parts.push(title);
}

function timeAxis(parts, scale, y, span) {
  const minutes = Math.round(span / 60000);
  const every = minutes === 1 ? 0.5 : minutes > 2 && scale.right - scale.left < 420 ? 2 : 1;
  for (let ago = 0; ago <= minutes; ago += every) {
    const x = scale.x(scale.time(scale.right) - ago * 60000);
    const anchor = ago === 0 ? "end" : ago === minutes ? "start" : "middle";
    parts.push(element("text", { x, y, "text-anchor": anchor }, ago === 0 ? "now" : ago < 1 ? `${ago * 60} s ago` : `${ago} min ago`));
  }
}

function vertical(box, highest) {
  const most = nice(highest);
  const y = (value) => box.bottom - (value / most) * (box.bottom - box.top);
  y.most = most;
  return y;
}

/// The next round number, so that the scale does not move with every sample.
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((round) => round >= value);
}

/// A line that stays where it is for each sample's time.
function steps(scale, y, samples, key) {
  return samples
    .map((sample, at) => {
      const x = scale.x(sample.time);
      const high = y(sample[key]).toFixed(1);
      const start = at === 0 ? `M${(x - scale.step).toFixed(1)},${high}` : `V${high}`;
      return `${start}H${x.toFixed(1)}`;
    })
    .join("");
}

function area(scale, y, samples, key) {
  if (!samples.length) return "";
  const first = scale.x(samples[0].time) - scale.step;
  return `${steps(scale, y, samples, key)}V${y(0)}H${first}Z`;
}

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, typeof value === "number" ? value.toFixed(2) : value);
  }
  if (text !== undefined) made.textContent = text;
  return made;
}

const sum = (samples, key) => samples.reduce((total, sample) => total + sample[key], 0);
const most = (samples, key) => samples.reduce((high, sample) => Math.max(high, sample[key]), 0);

poll();
