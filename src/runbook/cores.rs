//! Work on many things that do not look at one another, shared out over the processor's cores.

/// What becomes of each, in their order. A core gets at least `worth`, for which a thread pays.
pub(super) fn map<T: Sync, R: Send>(
    items: &[T],
    worth: usize,
    each: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(cores).max(worth);
    let (own, others) = items.split_at(share.min(items.len()));
    let all = |items: &[T]| items.iter().map(&each).collect::<Vec<R>>();
    std::thread::scope(|scope| {
        let threads: Vec<_> = others
            .chunks(share)
            .map(|chunk| scope.spawn(|| all(chunk)))
            .collect();
        let mut done = all(own);
        for thread in threads {
            match thread.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    })
}
