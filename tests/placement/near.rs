//! Near, the default: depth first on the worker that spawns, until an idle one takes what has not
//! started.

use std::sync::{Arc, Mutex as StdMutex};

use rust_routines::routine;
use rust_routines::sync::WaitGroup;
use rust_routines_tests::watched;

use super::{Meeting, workers};

/// Depth first: the last child runs first (it is likely what its parent waits for), then the others
/// in the order they were spawned; Go prints the same.
#[test]
fn children_run_4_0_1_2_3() {
    watched(|| {
        let runtime = workers(1);
        let order = Arc::new(StdMutex::new(Vec::new()));
        let seen = order.clone();
        runtime.run(move || {
            let group = Arc::new(WaitGroup::new());
            group.add(5);
            for i in 0..5 {
                let (group, order) = (group.clone(), order.clone());
                routine::spawn(move || {
                    order.lock().unwrap().push(i);
                    group.done();
                });
            }
            group.wait();
        });
        assert_eq!(*seen.lock().unwrap(), [4, 0, 1, 2, 3]);
    });
}

/// A whole subtree before the next sibling: so a tree of many leaves needs few stacks.
#[test]
fn a_tree_needs_few_stacks() {
    fn tree(depth: u32) -> u64 {
        if depth == 0 {
            return 1;
        }
        let children: Vec<_> = (0..10)
            .map(|_| routine::spawn(move || tree(depth - 1)))
            .collect();
        children
            .into_iter()
            .map(|child| child.join().unwrap())
            .sum()
    }
    watched(|| {
        let runtime = workers(1);
        assert_eq!(runtime.run(|| tree(4)), 10_000);
        let most = runtime.metrics().stacks_high_water();
        assert!(most < 200, "{most} stacks at once for 11,111 routines");
    });
}

#[test]
fn a_near_child_is_stolen_while_its_parent_computes() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..50 {
            let meeting = Meeting::new();
            let (parent, child) = runtime.run(move || {
                let of_child = meeting.clone();
                let child = routine::spawn(move || of_child.meet());
                let here = meeting.meet();
                (here, child.join().unwrap())
            });
            assert_ne!(parent, child);
        }
    });
}

#[test]
fn two_near_children_compute_side_by_side() {
    watched(|| {
        let runtime = workers(2);
        for _ in 0..50 {
            let meeting = Meeting::new();
            let both = runtime.run(move || {
                let both = [meeting.clone(), meeting];
                let both = both.map(|meeting| routine::spawn(move || meeting.meet()));
                both.map(|handle| handle.join().unwrap())
            });
            assert_ne!(both[0], both[1]);
        }
    });
}
