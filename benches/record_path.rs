//! What it costs to book a call: the recorder alone and under contention, closing a second, and the histogram beneath.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use gander::load::{Recorder, Timing};
use gander::metrics::Phase;
use gander::model::{LatencyHistogram, Outcome};
use gander::plan::{StepId, Threshold};

/// The thresholds of two objectives.
fn recorder() -> Recorder {
    Recorder::new(4, [100, 500].map(|limit| Threshold::response(Duration::from_millis(limit))).to_vec())
}

/// Latencies as a server gives them: most near 10 ms, a tail to 1 s, in no order.
fn latency(call: u64) -> Duration {
    let mixed = call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let tail = if mixed.is_multiple_of(100) { 50 } else { 1 };
    Duration::from_micros((8_000 + mixed % 12_000) * tail)
}

fn book(recorder: &Recorder, call: u64) {
    let step = StepId(6 + u16::try_from(call / 100 % 4).expect("a remainder of 4 is small"));
    recorder.begin(step, Phase::Steady).end(Outcome::Ok, Timing::closed(latency(call)), None);
}

fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recorder");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one call, one thread", |bencher| {
        let recorder = recorder();
        let mut call = 0;
        bencher.iter(|| {
            call += 1;
            book(&recorder, call);
        });
    });
    group.bench_function("one call, a second thread beside it", |bencher| {
        let (recorder, done) = (recorder(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut call = 0;
                while !done.load(Ordering::Relaxed) {
                    call += 1;
                    book(&recorder, call);
                }
            });
            let mut call = 0;
            bencher.iter(|| {
                call += 1;
                book(&recorder, call);
            });
            done.store(true, Ordering::Relaxed);
        });
    });
    group.finish();
}

fn seconds(criterion: &mut Criterion) {
    let busy = || {
        let recorder = recorder();
        for call in 0..10_000 {
            book(&recorder, call);
        }
        recorder
    };
    criterion.bench_function("recorder/take_second, 10,000 calls of 4 steps", |bencher| {
        bencher.iter_batched(busy, |recorder| recorder.take_second(0, 0), BatchSize::LargeInput);
    });
}

fn histogram(criterion: &mut Criterion) {
    let mut full = LatencyHistogram::new();
    (0..10_000).for_each(|call| full.record(latency(call)));
    let text = full.encode();
    let mut group = criterion.benchmark_group("histogram");
    group.bench_function("record", |bencher| {
        let mut histogram = full.clone();
        let mut call = 0;
        bencher.iter(|| {
            call += 1;
            histogram.record(black_box(latency(call)));
        });
    });
    group.bench_function("merge", |bencher| {
        let mut total = full.clone();
        bencher.iter(|| total.merge(black_box(&full)));
    });
    group.bench_function("encode", |bencher| bencher.iter(|| black_box(&full).encode()));
    group.bench_function("decode", |bencher| bencher.iter(|| LatencyHistogram::decode(black_box(&text))));
    group.finish();
}

criterion_group!(benches, calls, seconds, histogram);
criterion_main!(benches);
