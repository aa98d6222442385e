//! Medians, ratios and percentiles. Medians everywhere: a mean of a few rounds is decided by the one round in which the
//! machine did something else.

/// The middle value, or the mean of the middle two; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The median of the ratios of values that were measured in the same round. Not the ratio of the medians: those may come
/// from different rounds, between which the machine has changed its speed.
///
/// A round in which one of the two is missing or zero has no ratio.
pub(crate) fn median_ratio(ours: &[Option<f64>], other: &[Option<f64>]) -> Option<f64> {
    let ratios: Vec<f64> = ours
        .iter()
        .zip(other)
        .filter_map(|(a, b)| match (a, b) {
            (Some(a), Some(b)) if *b != 0.0 => Some(a / b),
            _ => None,
        })
        .collect();
    median(&ratios)
}

/// The value below which the share `p` of the sorted values lies (nearest rank); the largest for `p` = 1.
///
/// # Panics
/// If there are no values.
pub(crate) fn percentile(sorted: &[u64], p: f64) -> u64 {
    let rank = (p * sorted.len() as f64) as usize;
    sorted[rank.min(sorted.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_of_the_sorted_values() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is twice as slow in the second round; the ratio of the medians would be 15/20.
        let ours = [Some(10.0), Some(20.0), Some(15.0)];
        let other = [Some(20.0), Some(40.0), Some(15.0)];
        assert_eq!(median_ratio(&ours, &other), Some(0.5));
    }

    #[test]
    fn a_round_with_a_hole_has_no_ratio() {
        assert_eq!(
            median_ratio(
                &[Some(1.0), None, Some(9.0)],
                &[Some(2.0), Some(1.0), Some(0.0)]
            ),
            Some(0.5)
        );
        assert_eq!(median_ratio(&[None], &[Some(1.0)]), None);
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<u64> = (1..=1000).collect();
        assert_eq!(percentile(&values, 0.5), 501);
        assert_eq!(percentile(&values, 0.999), 1000);
        assert_eq!(percentile(&values, 1.0), 1000);
        assert_eq!(percentile(&[5], 0.99), 5);
    }
}
