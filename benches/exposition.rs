//! How fast a scrape is read: our strict parser against `prometheus-parse`, on about 1 MB of ordinary text.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gander::metrics::{Exposition, Format, ScrapeEncoder};

/// Counters and histograms by method and tool, as an MCP server exposes them.
fn exposition_text(bytes: usize) -> String {
    let mut text = String::new();
    for family in 0.. {
        if text.len() >= bytes {
            break;
        }
        write_family(&mut text, family).expect("writing to a string does not fail");
    }
    text
}

fn write_family(text: &mut String, family: u32) -> std::fmt::Result {
    let name = format!("mcp_request_duration_seconds_{family}");
    writeln!(text, "# HELP {name} Time from request to response.\n# TYPE {name} histogram")?;
    for tool in ["search", "calculate", "list", "fetch"] {
        let labels = format!("method=\"tools/call\",tool=\"{tool}\"");
        for (rank, bound) in ["0.005", "0.01", "0.05", "0.1", "0.5", "1", "5", "+Inf"].iter().enumerate() {
            writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {}", rank * 1731)?;
        }
        writeln!(text, "{name}_sum{{{labels}}} 1731.0482913\n{name}_count{{{labels}}} 12117")?;
    }
    Ok(())
}

fn read(criterion: &mut Criterion) {
    let text = exposition_text(1_000_000);
    let mut group = criterion.benchmark_group("exposition");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("gander, a scrape like the one before", |bencher| {
        let mut encoder = ScrapeEncoder::default();
        bencher.iter(|| encoder.scraped(Duration::ZERO, black_box(text.as_bytes()), Format::Text));
    });
    group.bench_function("gander, every series for the first time", |bencher| {
        bencher.iter(|| Exposition::parse(black_box(&text), Format::Text));
    });
    group.bench_function("prometheus-parse", |bencher| {
        bencher.iter(|| {
            let lines = black_box(&text).lines().map(|line| Ok(line.to_owned()));
            prometheus_parse::Scrape::parse(lines).expect("the text is sound")
        });
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
