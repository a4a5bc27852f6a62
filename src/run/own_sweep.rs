//! The sweep for canaries: who looks for them while the run is on, and the thread that looks through answers.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use crate::load::{Sample, SampleBooks, Sampler};
use crate::metrics::{OutputCheck, Sweep};
use crate::model::{RunTag, Secrets, SweepPlace, Swept};
use crate::plan::{Plan, Role};
use crate::slo::Criteria;

/// What looks for canaries, and what draws answers for it.
pub(super) struct Sweeping {
    pub(super) sweep: Option<Arc<Sweep>>,
    pub(super) sampler: Option<Sampler>,
}

impl Sweeping {
    /// Begins to look for the canaries of the run `run`, where somebody asks for that.
    pub(super) fn start(plan: &Plan, run: RunTag, criteria: &Criteria, secrets: &Secrets) -> Self {
        let Some(redaction) = &criteria.checks.redaction else { return Self { sweep: None, sampler: None } };
        let places = criteria.checks.swept_places(plan);
        let sweep = Arc::new(Sweep::new(run, plan.canaries.clone(), places, secrets.clone()));
        let sampler = sweep.wants(SweepPlace::Replies).then(|| {
            let steps = plan.steps.iter().filter(|step| step.role == Role::Load);
            let (sampler, queue) = Sampler::new(redaction.sample, steps.map(|step| step.id));
            let names: Vec<String> = plan.steps.iter().map(|step| step.name.clone()).collect();
            let (books, looking) = (sampler.books(), Arc::clone(&sweep));
            // It ends with the load, whose sampler holds the other end of the queue.
            std::thread::spawn(move || look_through(&queue, &names, &looking, &books));
            sampler
        });
        Self { sweep: Some(sweep), sampler }
    }
}

fn look_through(samples: &Receiver<Sample>, names: &[String], sweep: &Sweep, books: &SampleBooks) {
    for Sample { step, result } in samples {
        sweep.reply(step, names.get(step.index()).map_or("", String::as_str), result.as_bytes());
        books.enter(&OutputCheck { checked: 1, ..OutputCheck::none(step) });
    }
}

/// What was found since the last time, and how many of the answers that `sampler` drew found no room.
pub(super) fn take(sweep: &Sweep, sampler: Option<&Sampler>, ended: bool) -> Option<Swept> {
    let drawn = sampler.map(|sampler| sampler.books().take()).unwrap_or_default();
    sweep.missed(drawn.iter().map(|check| check.unchecked).sum());
    sweep.take(ended)
}
