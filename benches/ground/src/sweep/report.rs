//! The sweep as Markdown.

use std::fmt;

use super::{Crossing, Effect, Movement, Sweep};

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, from, to } = self;
        write!(f, "`{scenario}`: {} {from:.3} → {:.3}", to.what, to.is)
    }
}

impl Movement {
    pub(super) fn show(&self, digits: usize) -> String {
        match self.scenario {
            "" => String::new(),
            scenario => format!("+{:.digits$} `{scenario}`", self.by),
        }
    }
}

fn join(crossings: &[Crossing]) -> String {
    let all: Vec<String> = crossings.iter().map(Crossing::to_string).collect();
    all.join("; ")
}

fn change(effect: &Effect) -> String {
    let change = &effect.change;
    let sign = if change.to < change.from { "−" } else { "+" };
    let of = change
        .beyond
        .map_or(String::new(), |least| format!(" of what is above {least}"));
    format!("{sign}50 %{of}: {} → {}", change.from, change.to)
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# The constants, each changed by half\n\n\
             One constant of `Learned` at a time, the others at their default values. A figure holds while it \
             is within its bound.\n\n\
             | constant | change | figures that no longer hold | figures that now hold | largest rise of \
             makespan ÷ best | of refused per 1,000 |\n|---|---|---|---|---|---|"
        )?;
        for effect in &self.effects {
            writeln!(
                f,
                "| `{}` | {} | {} | {} | {} | {} |",
                effect.change.name,
                change(effect),
                join(&effect.over),
                join(&effect.within),
                effect.ratio.show(3),
                effect.refused.show(1),
            )?;
        }
        let crossing = self.effects.iter().filter(|e| !e.over.is_empty()).count();
        writeln!(
            f,
            "\n{} scenarios, {} seeds: {} of {} figures hold at the default values. {} of {} changes \
             take none of those over its bound.",
            self.scenarios,
            self.seeds,
            self.figures - self.missed.len(),
            self.figures,
            self.effects.len() - crossing,
            self.effects.len(),
        )?;
        let crossed = self.crossed();
        if !crossed.is_empty() {
            writeln!(f, "\nMoved over their bounds:\n")?;
        }
        for (crossing, by, changes) in crossed {
            let bound = crossing.to.bound;
            writeln!(
                f,
                "- {crossing} at worst (`{}` {}), at most {bound:.3}; by {changes} of the changes",
                by.name, by.to,
            )?;
        }
        if !self.missed.is_empty() {
            writeln!(f, "\nNot held at the default values:\n")?;
        }
        for (scenario, figure) in &self.missed {
            writeln!(f, "- `{scenario}`: {figure}")?;
        }
        if !self.skipped.is_empty() {
            writeln!(f, "\nLeft out, because the value means nothing:\n")?;
        }
        for (name, factor) in &self.skipped {
            writeln!(f, "- `{name}` × {factor}")?;
        }
        Ok(())
    }
}
