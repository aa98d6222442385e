//! Which workers are near each other: whom a thief asks first.
//!
//! A machine with several memories (NUMA) has *nodes*: CPUs with a memory of their own. A routine that is stolen
//! from another node leaves what it was given behind there. So a thief asks the workers of its own node
//! first, then those of the next one. A worker's node is that of the CPU it is pinned to or was last seen on;
//! binding workers to nodes was not done, for the kernel balances better than a runtime that sees one process.

use std::io;

use super::core::Core;
use super::worker::Worker;
use crate::prim::Ordering;
use crate::sys::nodes::{self, MOST_CPUS};

/// The nodes of a machine, for the order of stealing; see
/// [`Builder::topology`](crate::runtime::Builder::topology).
///
/// # Examples
/// ```
/// use rust_routines::runtime::Topology;
///
/// let two = Topology::of_cpus([vec![0, 1], vec![2, 3]]);
/// assert_eq!(two.nodes(), 2);
/// assert!(Topology::system().nodes() >= 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The node of each CPU, or of each worker.
    node_of: Vec<Option<usize>>,
    names_workers: bool,
    /// From each node to each other one; the least is that to itself.
    distances: Vec<Vec<u32>>,
    /// Something too large for these tables, for [`check`](Topology::check) to say.
    wrong: Option<String>,
}

/// More nodes than any system has: Linux has 1,024.
const MOST_NODES: usize = 1 << 10;

/// What Linux says of a node and itself, and of two nodes if nothing else is known.
const LOCAL: u32 = 10;
const REMOTE: u32 = 20;

impl Topology {
    /// What the system says, read from `/sys/devices/system/node`; one node if it says nothing.
    pub fn system() -> Topology {
        match nodes::read() {
            Some((cpus, distances)) => Topology {
                distances,
                ..Topology::of_cpus(cpus)
            },
            None => Topology::flat(),
        }
    }

    /// One node: thieves ask in random order.
    pub fn flat() -> Topology {
        Topology::of_cpus([Vec::new()])
    }

    /// Nodes with these CPUs, all equally far from each other. What is in none is near to all; what is in two is in
    /// the last one.
    ///
    /// Numbers beyond those of any machine, of 65,536 and more, are an error of [`build`](crate::runtime::Builder::build), and
    /// so are more than 1,024 nodes.
    pub fn of_cpus<N: IntoIterator<Item = usize>>(nodes: impl IntoIterator<Item = N>) -> Topology {
        Topology::of(nodes, false)
    }

    /// Nodes with these workers, by number: for who binds them to nodes by other means than
    /// [`pin_cpus`](crate::runtime::Builder::pin_cpus), and for tests. As for numbers: see [`of_cpus`](Topology::of_cpus).
    pub fn of_workers<N: IntoIterator<Item = usize>>(
        nodes: impl IntoIterator<Item = N>,
    ) -> Topology {
        Topology::of(nodes, true)
    }

    fn of<N: IntoIterator<Item = usize>>(
        nodes: impl IntoIterator<Item = N>,
        names_workers: bool,
    ) -> Topology {
        let mut node_of = Vec::new();
        let mut count = 0;
        let mut wrong = None;
        for (node, members) in nodes.into_iter().enumerate() {
            if node == MOST_NODES {
                wrong = Some(format!("a topology of more than {MOST_NODES} nodes"));
                break;
            }
            count = node + 1;
            for member in members {
                if member >= MOST_CPUS {
                    let what = if names_workers { "worker" } else { "CPU" };
                    wrong = Some(format!(
                        "a topology with {what} {member}: numbers have to be below {}",
                        MOST_CPUS
                    ));
                    break;
                }
                if node_of.len() <= member {
                    node_of.resize(member + 1, None);
                }
                node_of[member] = Some(node);
            }
        }
        let distance = |from, to| if from == to { LOCAL } else { REMOTE };
        Topology {
            node_of,
            names_workers,
            distances: (0..count)
                .map(|from| (0..count).map(|to| distance(from, to)).collect())
                .collect(),
            wrong,
        }
    }

    /// Says how far two nodes are from each other, both ways. A node is 10 from itself, and 20 from the others
    /// unless this says otherwise.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn distance(mut self, a: usize, b: usize, distance: u32) -> Topology {
        self.assert_node(a.max(b));
        self.distances[a][b] = distance;
        self.distances[b][a] = distance;
        self
    }

    /// The CPUs of a node, or its workers, whichever this topology names; in order. For
    /// [`pin_cpus`](crate::runtime::Builder::pin_cpus).
    ///
    /// # Panics
    /// If there is no such node.
    ///
    /// # Examples
    /// ```
    /// use rust_routines::runtime::Topology;
    ///
    /// let two = Topology::of_cpus([[2, 0], [1, 3]]);
    /// assert_eq!(two.members(0), [0, 2]);
    /// ```
    #[track_caller]
    pub fn members(&self, node: usize) -> Vec<usize> {
        self.assert_node(node);
        let numbers = 0..self.node_of.len();
        numbers
            .filter(|&number| self.node_of[number] == Some(node))
            .collect()
    }

    #[track_caller]
    fn assert_node(&self, node: usize) {
        let count = self.nodes();
        assert!(
            node < count,
            "there is no node {node}: this topology has {count}, numbered from 0"
        );
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.distances.len()
    }

    /// # Errors
    /// `InvalidInput` without nodes, and for what is too large.
    pub(crate) fn check(&self) -> io::Result<()> {
        let invalid = |text: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        match &self.wrong {
            Some(wrong) => invalid(wrong),
            None if self.nodes() == 0 => {
                invalid("a topology without nodes: use `Topology::flat()` for one")
            }
            None => Ok(()),
        }
    }

    pub(crate) fn is_flat(&self) -> bool {
        self.nodes() <= 1
    }

    /// The node of a worker, if it is known.
    fn node(&self, number: usize, worker: &Worker) -> Option<usize> {
        let member = if self.names_workers {
            number
        } else {
            // One more than the CPU's number; zero if that is not known.
            worker.stats.cpu.load(Ordering::Relaxed).checked_sub(1)?
        };
        self.node_of.get(member).copied().flatten()
    }

    /// How far a thief has to go; what is not known is near.
    fn between(&self, thief: Option<usize>, victim: Option<usize>) -> u32 {
        match (thief, victim) {
            (Some(thief), Some(victim)) => self.distances[thief][victim],
            _ => LOCAL,
        }
    }
}

impl Core {
    /// The numbers of the other workers in the order in which a thief asks them: the nearest first, and among
    /// those that are equally near beginning at a random one.
    pub(super) fn victims(&self) -> impl Iterator<Item = usize> + use<> {
        let roster = &self.shared.roster;
        let (count, first) = (roster.len(), self.random(roster.len()));
        let in_turn = (0..count).map(move |i| (first + i) % count);
        let own = self.number;
        let others = in_turn.filter(move |&number| number != own);
        let topology = &self.shared.config.topology;
        if topology.is_flat() {
            return Victims::InTurn(others);
        }
        let here = topology.node(own, self.worker);
        let far =
            |number: &usize| topology.between(here, topology.node(*number, roster.get(*number)));
        let mut sorted: Vec<usize> = others.collect();
        // Stable: equally near ones keep their turn.
        sorted.sort_by_cached_key(far);
        Victims::Sorted(sorted.into_iter())
    }
}

/// Two ways to go through the others; the first one allocates nothing.
enum Victims<I> {
    InTurn(I),
    Sorted(std::vec::IntoIter<usize>),
}

impl<I: Iterator<Item = usize>> Iterator for Victims<I> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Victims::InTurn(numbers) => numbers.next(),
            Victims::Sorted(numbers) => numbers.next(),
        }
    }
}
