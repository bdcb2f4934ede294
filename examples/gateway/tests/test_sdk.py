"""OpenAI's own client through the gateway."""

import asyncio

import openai
import pytest
from prometheus_client import parser as text
from prometheus_client.openmetrics import parser as openmetrics

TEXT = "All work and no play makes Jack."
CALLS = 200


def client(gateway, path="/v1", **options):
    options = {"max_retries": 0, "timeout": 120, **options}
    return openai.AsyncOpenAI(base_url=gateway.url + path, api_key="sk-test", **options)


async def whole(api):
    answer = await api.chat.completions.create(
        model="mock", messages=[{"role": "user", "content": "Say something."}]
    )
    return answer.choices[0].message.content


async def streamed(api):
    events = await api.chat.completions.create(
        model="mock", messages=[{"role": "user", "content": "Say something."}], stream=True
    )
    return "".join([event.choices[0].delta.content or "" async for event in events])


async def at_once(gateway, call, count, **options):
    """What `count` calls at once return, or the errors they end with."""
    async with client(gateway, **options) as api:
        return await asyncio.gather(*(call(api) for _ in range(count)), return_exceptions=True)


@pytest.mark.parametrize("call", [whole, streamed])
def test_each_of_200_calls_at_once_is_answered(gateway, upstream, call):
    answers = asyncio.run(at_once(gateway, call, CALLS))
    assert answers == [TEXT] * CALLS
    seen = upstream.json("/seen")
    print(f"\n{call.__name__}: {seen}")
    assert seen["accepted"] == CALLS
    assert seen["most"] == 5
    status = gateway.json("/status.json")["upstreams"][0]
    assert (status["accepted"], status["refused"]) == (CALLS, seen["refused"])
    assert (status["in_flight"], status["queued"], status["abandoned"]) == (0, 0, 0)


def test_both_kinds_at_once(gateway):
    async def both():
        async with client(gateway) as api:
            calls = [call(api) for _ in range(CALLS // 2) for call in (whole, streamed)]
            return await asyncio.gather(*calls)

    assert asyncio.run(both()) == [TEXT] * CALLS


def test_other_addresses_and_the_upstreams_name(gateway):
    async def others():
        async with client(gateway, "/mock/v1") as api:
            vector = await api.embeddings.create(model="mock", input="x", encoding_format="float")
            models = [model.id async for model in api.models.list()]
            return vector.data[0].embedding, models

    assert asyncio.run(others()) == ([0.25, -0.5, 1.0], ["mock"])


def test_too_many_get_429_and_may_come_again(start, upstream):
    gateway = start("gateway", "--upstream", upstream.url, "--max-queue", "20", "--log", "error")
    answers = asyncio.run(at_once(gateway, whole, CALLS))
    turned_away = [answer for answer in answers if answer != TEXT]
    # 20 may wait, and when the first of them are in flight as many again; the rest is told so.
    assert 0 < len(turned_away) < CALLS
    for error in turned_away:
        assert isinstance(error, openai.RateLimitError), repr(error)
        assert error.code == "gateway_overloaded"
        assert error.response.headers["x-gateway-refusal"] == "gateway_overloaded"
        assert 1 <= int(error.response.headers["retry-after"]) <= 60
    assert upstream.json("/seen")["accepted"] == CALLS - len(turned_away)

    # A client with retries of its own heeds Retry-After, and every call is answered in the end.
    assert asyncio.run(at_once(gateway, whole, 60, max_retries=20)) == [TEXT] * 60


def test_a_client_that_leaves_is_not_worked_for(start):
    upstream = start("mock-upstream", "--latency", "60s")
    gateway = start("gateway", "--upstream", upstream.url, "--log", "error")

    async def leave():
        async with client(gateway) as api:
            calls = [asyncio.create_task(call(api)) for _ in range(10) for call in (whole, streamed)]
            while upstream.json("/seen")["in_flight"] < 4:
                await asyncio.sleep(0.05)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    asyncio.run(leave())
    for _ in range(100):
        status = gateway.json("/status.json")["upstreams"][0]
        if status["in_flight"] == status["queued"] == upstream.json("/seen")["in_flight"] == 0:
            return
        asyncio.run(asyncio.sleep(0.1))
    pytest.fail(f"after ten seconds: {status}")


def test_prometheus_reads_the_metrics(gateway):
    asyncio.run(at_once(gateway, whole, 10))
    metrics = gateway.get("/metrics")
    for parser in (openmetrics, text):
        families = parser.text_string_to_metric_families(metrics)
        samples = {(s.name, *s.labels.values()): s.value for f in families for s in f.samples}
        assert samples["gateway_accepted_total", "mock"] == 10
        assert samples["gateway_answers_total", "mock", "200", "upstream"] == 10
        assert samples["http_client_throttle_in_flight", "mock"] == 0
        assert samples["gateway_pause_seconds", "mock"] == 0
        assert samples["http_client_throttle_limit", "mock"] >= 4
