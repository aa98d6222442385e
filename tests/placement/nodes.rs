//! The order in which a worker with nothing to do asks the others, on a machine that is made up.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_routines::channel;
use rust_routines::routine::{self, Builder, Place};
use rust_routines::runtime::{self, OnStall, Topology};
use rust_routines_tests::watched;

use super::here;

const CHILDREN: usize = 200;

/// Which worker runs a child, and which one has spawned it.
type Ran = (usize, usize);

/// Counts, of which a routine waits for one without letting its worker go.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn up(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn wait(&self, until: usize) {
        while self.0.load(Ordering::Acquire) < until {
            hint::spin_loop();
        }
    }
}

/// What ran where, in this order, when `thieves` came to have nothing to do while each of `victims` computed and had
/// children that had not started.
fn steals(topology: Topology, thieves: &[usize], victims: &[usize]) -> Vec<Ran> {
    let workers = thieves.len() + victims.len();
    let runtime = runtime::Builder::new()
        .workers(workers)
        .topology(topology)
        // Nobody stands in for those that keep their workers: it would be one more thief.
        .on_stall(OnStall::Report)
        .build()
        .unwrap();
    let counts: Arc<[Count; 3]> = Arc::default();
    let total = victims.len() * CHILDREN;
    let (tx, ran) = channel::unbounded();
    let all = thieves.iter().chain(victims).map(|&worker| {
        let (counts, tx, victims) = (counts.clone(), tx.clone(), victims.to_vec());
        let body = move || {
            let [busy, generous, done] = &*counts;
            assert_eq!(here(), Some(worker));
            // From here on each of them is busy, and nobody steals before there is something everywhere.
            busy.up();
            busy.wait(workers);
            if !victims.contains(&worker) {
                return generous.wait(victims.len());
            }
            for _ in 0..CHILDREN {
                let (counts, tx) = (counts.clone(), tx.clone());
                drop(routine::spawn(move || {
                    tx.send((here().unwrap(), worker)).unwrap();
                    counts[2].up();
                }));
            }
            generous.up();
            done.wait(total);
        };
        let builder = Builder::new().place(Place::Key(worker as u64));
        runtime.spawn_with(builder, body).unwrap()
    });
    let all: Vec<_> = all.collect();
    all.into_iter().for_each(|handle| handle.join().unwrap());
    drop(tx);
    ran.iter().collect()
}

/// From whom a thief took the first that it ran.
fn first_of(ran: &[Ran], thief: usize) -> Option<usize> {
    ran.iter()
        .find(|(by, _)| *by == thief)
        .map(|(_, from)| *from)
}

#[test]
fn thieves_ask_their_own_node_first() {
    watched(|| {
        for _ in 0..3 {
            let nodes = Topology::of_workers([[0, 1], [2, 3]]);
            let ran = steals(nodes, &[1, 3], &[0, 2]);
            assert_eq!(ran.len(), 2 * CHILDREN);
            for (thief, neighbour) in [(1, 0), (3, 2)] {
                // One of two thieves may have taken everything before the other was awake.
                let first = first_of(&ran, thief);
                assert!(
                    first.is_none_or(|from| from == neighbour),
                    "{thief}: {first:?}"
                );
            }
        }
    });
}

#[test]
fn the_nearest_of_the_other_nodes_comes_next() {
    watched(|| {
        // Worker 0 is the thief; 2 is nearer to it than 1, and 3 is far.
        let nodes = Topology::of_workers([[0], [1], [2], [3]]);
        let nodes = nodes
            .distance(0, 1, 30)
            .distance(0, 2, 12)
            .distance(0, 3, 40);
        for _ in 0..3 {
            let ran = steals(nodes.clone(), &[0], &[1, 2, 3]);
            let order: Vec<_> = ran.iter().map(|(_, from)| *from).collect();
            // But for one that is left to its worker for a moment, as long as there are others.
            let most = |from, part: &[usize]| part.iter().filter(|f| **f == from).count();
            assert!(most(2, &order[..CHILDREN]) > CHILDREN - 3, "{order:?}");
            assert!(
                most(1, &order[CHILDREN..2 * CHILDREN]) > CHILDREN - 6,
                "{order:?}"
            );
        }
    });
}

#[test]
fn a_topology_has_nodes() {
    let none = Topology::of_cpus([[0]; 0]);
    assert_eq!(none.nodes(), 0);
    let refused = runtime::Builder::new().workers(1).topology(none).build();
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::InvalidInput
    );
    let huge = usize::MAX;
    for (topology, says) in [
        (Topology::of_cpus([[0], [huge]]), format!("CPU {huge}")),
        (
            Topology::of_cpus(std::iter::once(100_000..huge)),
            "CPU 100000".to_string(),
        ),
        (Topology::of_workers([[huge - 1]]), "worker".to_string()),
        (
            Topology::of_cpus((0..huge).map(|node| [node])),
            "nodes".to_string(),
        ),
    ] {
        let refused = runtime::Builder::new().workers(1).topology(topology);
        let refused = refused.build().unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
        assert!(refused.to_string().contains(&says), "{refused}");
    }
    let wrong = || Topology::flat().distance(0, 1, 20);
    assert!(std::panic::catch_unwind(wrong).is_err());
}

/// Real CPUs, and more of them than there are: nothing is lost.
#[test]
fn nodes_of_cpus_lose_nothing() {
    watched(|| {
        let nodes = Topology::of_cpus([vec![0], vec![1], vec![500]]);
        let builder = runtime::Builder::new().workers(4).topology(nodes);
        let sum: u64 = builder.build().unwrap().run(|| {
            let pieces: Vec<_> = (0..1000).map(|i| routine::spawn(move || i)).collect();
            pieces.into_iter().map(|piece| piece.join().unwrap()).sum()
        });
        assert_eq!(sum, 499_500);
    });
}
