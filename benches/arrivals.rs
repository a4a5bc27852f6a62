//! What it costs to work out when calls are due.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gander::plan::{OpenLoad, RateStage, Spacing};

const ARRIVALS: u64 = 10_000;

/// Up to the rate in half the time, then on at it.
fn load(spacing: Spacing) -> OpenLoad {
    let rate = ARRIVALS as f64;
    let stage = |seconds| RateStage { duration: Duration::from_secs(seconds), rate };
    OpenLoad { stages: vec![stage(1), stage(1)], spacing, burst: 1, users: 1, max_users: 1 }
}

fn schedules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    group.throughput(Throughput::Elements(ARRIVALS));
    for (name, spacing) in [("constant", Spacing::Constant), ("Poisson", Spacing::Poisson)] {
        let load = load(spacing);
        group.bench_function(format!("10,000 arrivals, {name}"), |bencher| {
            bencher.iter(|| {
                let first = load.schedule(black_box(7)).take(usize::try_from(ARRIVALS).unwrap_or(usize::MAX));
                first.last()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, schedules);
criterion_main!(benches);
