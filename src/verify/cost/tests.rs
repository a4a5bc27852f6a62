//! Costs that can be reckoned by hand.

use super::{Cost, cost, money};
use crate::model::{Event, Outcome, ProcessSample, Verdict};
use crate::verify::checked;
use crate::verify::truth::tests::{Made, checks};

/// A load of 9 s.
fn made() -> Made {
    Made::new()
}

fn sample(made: Made, at: u64, cpu_seconds: f64, resident_bytes: u64) -> Made {
    made.event(at, Event::Process(ProcessSample { cpu_seconds, resident_bytes, open_fds: None, threads: 1 }))
}

fn reckoned(made: &Made, sheet: &str) -> Cost {
    made.seen(|seen| cost(checks(sheet).cost.as_ref().unwrap(), seen))
}

fn verdict(made: &Made, sheet: &str) -> (Verdict, String) {
    let checked = made.seen(|seen| checked(&checks(sheet), seen));
    let [budget] = checked.as_slice() else { panic!("{checked:?}") };
    (budget.verdict, budget.because.clone())
}

fn close(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found}, expected {expected}");
}

#[test]
fn used_cpu_and_memory_are_priced_and_shared_out_by_time() {
    // 3.6 CPU seconds and 2 GB over 9 s; searches took three quarters of the time.
    let made = made().calls("search", Outcome::Ok, 30, 10).calls("list tools", Outcome::Ok, 10, 10);
    let made = sample(sample(made, 0, 1.0, 1_000_000_000), 9, 4.6, 3_000_000_000);
    let cost = reckoned(&made, "{cost: {currency: USD, vcpu_hour: 1000, gb_hour: 200}}");
    close(cost.parts[0].amount, 1.0);
    close(cost.parts[1].amount, 1.0);
    close(cost.total, 2.0);
    close(cost.per_thousand_calls, 50.0);
    close(cost.per_hour, 800.0);
    let names: Vec<&str> = cost.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["search", "tools/list"]);
    close(cost.rows[0].amount, 1.5);
    close(cost.rows[1].per_thousand_calls, 50.0);
    assert!(cost.parts[0].basis.contains("3.60 CPU seconds used (by its process)"), "{:?}", cost.parts);
}

#[test]
fn without_a_process_the_targets_own_metrics_say_what_it_used() {
    let scrape = |cpu: f64, bytes: u64| {
        format!("process_cpu_seconds_total {cpu}\nprocess_resident_memory_bytes {bytes}\n")
    };
    let sheet = "{cost: {currency: USD, vcpu_hour: 1000, gb_hour: 400}}";
    // Scrapes of the made run are 10 s apart: the second one is just after the load.
    let one = || made().calls("search", Outcome::Ok, 1, 10).scrape(&scrape(1.0, 1_000_000_000));
    let cost = reckoned(&one().scrape(&scrape(4.6, 1_000_000_000)), sheet);
    close(cost.parts[0].amount, 1.0);
    close(cost.parts[1].amount, 1.0);
    // One that is not there at the end tells of too little.
    let cost = reckoned(&one().scrape("other 1\n"), sheet);
    assert_eq!(cost.total, None);
    assert_eq!(cost.rows[0].amount, None);
    assert!(cost.parts[0].basis.contains("process_cpu_seconds_total"), "{:?}", cost.parts);
}

#[test]
fn what_is_reserved_costs_what_it_costs_whatever_is_used() {
    let made = sample(made().calls("search", Outcome::Ok, 1, 10), 0, 0.0, 1);
    let sheet = "{cost: {currency: EUR, vcpu_hour: 0.4, gb_hour: 0.1, reserved: {vcpus: 2, memory_gb: 4}}}";
    let cost = reckoned(&made, sheet);
    close(cost.parts[0].amount, 2.0 * 9.0 / 3600.0 * 0.4);
    close(cost.parts[1].amount, 4.0 * 9.0 / 3600.0 * 0.1);
}

#[test]
fn fees_go_by_tool_and_the_star_stands_for_the_rest() {
    let made = made().calls("search", Outcome::Ok, 8, 10).calls("search", Outcome::ToolError, 2, 10);
    let made = made.calls("list tools", Outcome::Ok, 5, 10);
    let cost = reckoned(&made, "{cost: {currency: USD, fees: {search: 0.5, '*': 0.1}}}");
    close(cost.rows[0].amount, 5.0);
    close(cost.rows[1].amount, 0.5);
    close(cost.total, 5.5);
    let cost = reckoned(&made, "{cost: {currency: USD, fees: {search: 0.5}}}");
    close(cost.total, 5.0);
    assert!(cost.parts[0].basis.contains("10 calls charged"), "{:?}", cost.parts);
}

#[test]
fn tokens_are_counted_by_the_target_or_by_the_sheet() {
    let made = made().calls("search", Outcome::Ok, 10, 10).calls("list tools", Outcome::Ok, 10, 10);
    let sheet = "{cost: {currency: USD, tokens: {per_million: 3, per_call: {search: 100000}}}}";
    close(reckoned(&made, sheet).total, 3.0);
    let made = made
        .scrape("tokens_total{tool=\"search\"} 5\ntokens_total{tool=\"other\"} 0\n")
        .scrape("tokens_total{tool=\"search\"} 1000005\ntokens_total{tool=\"other\"} 2000000\n");
    let sheet = "{cost: {currency: USD, tokens: {per_million: 3, counter: tokens_total, tool: tool}}}";
    let cost = reckoned(&made, sheet);
    close(cost.total, 9.0);
    close(cost.rows[0].amount, 6.0);
    close(cost.rows[1].amount, 3.0);
    let sheet = "{cost: {currency: USD, tokens: {per_million: 3, counter: nothing_total}}}";
    let cost = reckoned(&made, sheet);
    assert_eq!(cost.total, None);
    assert!(cost.parts[0].basis.contains("no series nothing_total"), "{:?}", cost.parts);
}

#[test]
fn a_budget_is_held_warned_of_broken_or_not_known() {
    let made = made().calls("search", Outcome::Ok, 10, 10);
    let sheet = |budget: &str| {
        format!("{{cost: {{currency: USD, fees: {{search: 0.1}}, budget: {{per_1000_calls: {budget}}}}}}}")
    };
    let (good, because) = verdict(&made, &sheet("126"));
    assert_eq!(good, Verdict::Pass);
    assert!(!because.contains("WARNING"), "{because}");
    let (good, because) = verdict(&made, &sheet("124"));
    assert_eq!(good, Verdict::Pass);
    assert!(because.contains("WARNING, over 80 % of it"), "{because}");
    assert_eq!(verdict(&made, &sheet("99.9")).0, Verdict::Fail);
    let sheet = "{cost: {currency: USD, vcpu_hour: 1, budget: {run: 5}}}";
    let (good, because) = verdict(&made, sheet);
    assert_eq!(good, Verdict::Inconclusive);
    assert!(because.contains("`reserved`"), "{because}");
}

#[test]
fn without_a_budget_nothing_is_judged() {
    let made = made().calls("search", Outcome::Ok, 10, 10);
    let sheet = checks("{cost: {currency: USD, fees: {search: 0.1}}}");
    assert_eq!(made.seen(|seen| checked(&sheet, seen)), []);
}

#[test]
fn amounts_have_three_digits_that_say_something() {
    for (amount, text) in [
        (0.0, "0.00 USD"),
        (1.0, "1.00 USD"),
        (1234.5, "1234.50 USD"),
        (0.412_34, "0.412 USD"),
        (0.041_234, "0.0412 USD"),
        (0.000_001_234, "0.00000123 USD"),
    ] {
        assert_eq!(money(amount, "USD"), text);
    }
}
