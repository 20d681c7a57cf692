//! A row of bars. Its scale is robust: one spike does not flatten the rest.

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Values above this part of them all are drawn as high as it.
const SPIKES: f64 = 0.95;

/// The values in at most so many columns, the last at the right; each column shows the largest of its
/// stretch.
pub fn bars(values: &[f64], columns: usize) -> String {
    let shown = values.len().min(columns);
    if shown == 0 {
        return String::new();
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    let full = sorted[((last as f64 * SPIKES).round() as usize).min(last)];
    (0..shown)
        .map(|column| {
            let from = column * values.len() / shown;
            let to = ((column + 1) * values.len() / shown).max(from + 1);
            let largest = values[from..to].iter().copied().fold(0.0, f64::max);
            let level = match full > 0.0 {
                true => (largest / full * 7.0).round().clamp(0.0, 7.0) as usize,
                false => 0,
            };
            BARS[level]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn one_spike_does_not_flatten_the_rest() {
        let mut values = vec![4.0; 40];
        values[7] = 4_000.0;
        let drawn = bars(&values, 40);
        assert_eq!(drawn, "█".repeat(40));
        assert_eq!(bars(&[0.0, 1.0, 2.0], 10), "▁▅█");
        assert_eq!(bars(&[0.0, 0.0], 10), "▁▁");
        assert_eq!(bars(&[], 10), "");
        assert_eq!(bars(&[1.0, 2.0, 1.0, 2.0], 2), "██");
    }
}
