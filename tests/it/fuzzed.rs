//! The properties of `tests/fuzz`, over mutations of real texts: seeded, so that a failure comes again. `GANDER_FUZZ=100000` makes
//! that many of each.

use gander::model::CounterRng;

use crate::support::{demo, http_get, root};
use crate::{exposition_property, promql_property};

const ROUNDS: u64 = 4000;

/// Bits of text that parsers have a rule for.
const PIECES: [&str; 28] = [
    "{",
    "}",
    "\"",
    "=",
    ",",
    " ",
    "\n",
    "\\",
    "#",
    "# EOF\n",
    "# TYPE ",
    "# HELP ",
    "# UNIT ",
    "counter\n",
    "histogram\n",
    "NaN",
    "+Inf",
    "-0",
    "1e400",
    "0x1p-2",
    "_total",
    "_bucket",
    "le=",
    " # {} 1",
    "\u{e9}",
    "\0",
    "[5m]",
    "offset -1h",
];

fn rounds() -> u64 {
    std::env::var("GANDER_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(ROUNDS)
}

/// `seeds`, each changed in a few places, over and over.
fn mutated(seeds: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    let mut rng = CounterRng::new(7, 0);
    let mut below = |count: usize| usize::try_from(rng.below(count.max(1) as u64)).unwrap();
    for _ in 0..rounds() {
        let mut bytes = seeds[below(seeds.len())].clone();
        for _ in 0..=below(6) {
            let at = below(bytes.len() + 1);
            match below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..(at + below(20)).min(bytes.len()))),
                2 => {
                    let piece = PIECES[below(PIECES.len())].bytes();
                    drop(bytes.splice(at..at, piece));
                }
                3 => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = u8::try_from(below(256)).unwrap();
                    }
                }
                4 => {
                    let again = bytes[at..(at + below(80)).min(bytes.len())].to_vec();
                    let there = below(bytes.len() + 1);
                    drop(bytes.splice(there..there, again));
                }
                _ => {
                    let other = &seeds[below(seeds.len())];
                    let from = below(other.len());
                    let part = other[from..(from + below(80)).min(other.len())].to_vec();
                    drop(bytes.splice(at..at, part));
                }
            }
        }
        check(&bytes);
    }
}

#[test]
fn scrapes_that_are_changed_are_read_or_refused() {
    let server = demo(&[]);
    let page = http_get(&format!("{}/metrics", server.base));
    let real = page.split_once("\r\n\r\n").map_or(page.as_str(), |(_, body)| body);
    // Short ones are changed where it matters.
    let mut seeds: Vec<Vec<u8>> = real
        .lines()
        .collect::<Vec<_>>()
        .chunks(6)
        .map(|lines| (lines.join("\n") + "\n").into_bytes())
        .collect();
    seeds.push(real.as_bytes().to_vec());
    seeds.push(b"# TYPE a histogram\na_bucket{le=\"1\"} 1 # {t=\"x\"} 0.5 1.5\na_bucket{le=\"+Inf\"} 1\na_count 1\na_sum 0.5\n# EOF\n".to_vec());
    seeds.push("{\"a.b\",\"c d\"=\"\u{e9}\\n\"} NaN 1700000000000\n".as_bytes().to_vec());
    // Series that come with and without times of their own, the last of them too late at this scrape and not at the next.
    seeds.push(b"i 1 85555111111\ni 2 1111\ni 5\nb 1 900\nb 2\nb 3\n".to_vec());
    for seed in &seeds {
        exposition_property::holds(seed);
    }
    let mut accepted = 0;
    mutated(&seeds, |bytes| {
        exposition_property::holds(bytes);
        let format = gander::metrics::Format::Text;
        accepted += usize::from(
            gander::metrics::Exposition::parse_bytes(bytes, format, 1000)
                .is_ok_and(|it| !it.samples.is_empty()),
        );
    });
    // Mutations that are all refused would test one half.
    assert!(accepted as u64 > rounds() / 20, "{accepted} were read");
}

#[test]
fn queries_that_are_changed_are_answered_or_refused() {
    let rules = std::fs::read_to_string(root().join("slos/mcp-alerts.yml")).unwrap();
    let (groups, _) = gander::rules::load("mcp-alerts.yml", &rules).unwrap();
    let mut seeds: Vec<Vec<u8>> = groups
        .iter()
        .flat_map(|group| &group.rules)
        .map(|rule| rule.query.text().as_bytes().to_vec())
        .collect();
    for query in [
        "max_over_time(rate(a{b=~\"c|d\"}[5m] @ end() offset -1h)[10m:30s])",
        "sum by (a, b) (x) / on (a) group_left (c) y > bool -1.5e3",
        "label_replace(absent(x), \"a\", \"$1\", \"b\", \"(.*)\") or vector(time()) unless {__name__=~\".+\", a!=\"\"}",
        "topk(3, -x ^ 2 % 0x1F) and quantile(0.9, y) == NaN",
        "histogram_quantile(scalar(x), sum without (le) (rate(y_bucket[1h30m])))",
    ] {
        seeds.push(query.as_bytes().to_vec());
    }
    let mut parsed = 0;
    mutated(&seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        promql_property::holds(&text);
        parsed += usize::from(gander::promql::Query::parse(&text).is_ok());
    });
    assert!(parsed as u64 > rounds() / 50, "{parsed} were parsed");
}
