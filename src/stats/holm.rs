//! Several tests at once: Holm's step-down (A Simple Sequentially Rejective Multiple Test Procedure, 1979). Whatever hangs together
//! between the tests, one that rejects wrongly is among them in at most `overall` of all runs.

/// For each of `p_values` the level that it must not exceed to reject, where all of them together err with probability `overall`.
/// The smallest is held against `overall / n`, the next against `overall / (n - 1)`, and so on up to the first that does not
/// reject: the rest stay at its level.
pub fn holm_levels(p_values: &[f64], overall: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut levels = vec![overall; p_values.len()];
    let mut left = p_values.len();
    for place in order {
        levels[place] = overall / left as f64;
        if p_values[place] <= levels[place] {
            left = left.saturating_sub(1).max(1);
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(p_values: &[f64], rejected: &[bool]) {
        let levels = holm_levels(p_values, 0.05);
        let found: Vec<bool> = p_values.iter().zip(&levels).map(|(p, level)| p <= level).collect();
        assert_eq!(found, rejected, "{levels:?}");
    }

    /// `multipletests(p, 0.05, 'holm')` by statsmodels 0.15.0 adjusts the first to 0.03, 0.06, 0.06 and 0.02, the second to 0.03 and
    /// 0.04, the third to 0.012, 0.048 and 0.06, the fourth to 0.052 both.
    #[test]
    fn the_first_that_does_not_reject_stops_the_others() {
        check(&[0.01, 0.04, 0.03, 0.005], &[true, false, false, true]);
        check(&[0.015, 0.04], &[true, true]);
        check(&[0.004, 0.024, 0.06], &[true, true, false]);
        check(&[0.03, 0.026], &[false, false]);
        check(&[0.05], &[true]);
        check(&[], &[]);
    }

    #[test]
    fn no_level_is_below_that_of_bonferroni() {
        let levels = holm_levels(&[0.0, 0.02, 0.9], 0.05);
        assert_eq!(levels, [0.05 / 3.0, 0.025, 0.05]);
        assert_eq!(holm_levels(&[0.04, 0.03], 0.05), [0.025, 0.025]);
    }
}
