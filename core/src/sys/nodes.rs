//! The nodes of a machine: which CPUs share a memory, and how far the memories are apart.
//!
//! Read from the files of Linux rather than through libnuma: they are its source, and a few lines to parse.

use std::fs;
use std::path::Path;

/// The CPUs of each node, and the distances between nodes.
pub(crate) type Nodes = (Vec<Vec<usize>>, Vec<Vec<u32>>);

/// More CPUs than any system has.
pub(crate) const MOST_CPUS: usize = 1 << 16;

/// `None` if the system says nothing, or something that makes no sense.
pub(crate) fn read() -> Option<Nodes> {
    read_from(Path::new("/sys/devices/system/node"))
}

fn read_from(folder: &Path) -> Option<Nodes> {
    // Numbers may have gaps: places in the lists are counted here, in their order.
    let numbers = parse_list(&fs::read_to_string(folder.join("online")).ok()?)?;
    let mut cpus = Vec::new();
    let mut distances = Vec::new();
    for number in numbers {
        let node = folder.join(format!("node{number}"));
        cpus.push(parse_list(&fs::read_to_string(node.join("cpulist")).ok()?)?);
        let text = fs::read_to_string(node.join("distance")).ok()?;
        let row: Result<Vec<u32>, _> = text.split_whitespace().map(str::parse).collect();
        distances.push(row.ok()?);
    }
    let is_square = distances.iter().all(|row| row.len() == distances.len());
    (is_square && !cpus.is_empty()).then_some((cpus, distances))
}

/// `0-3,8` as numbers.
fn parse_list(text: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        // A file that says so makes no sense.
        if first > last || last >= MOST_CPUS {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_numbers() {
        assert_eq!(parse_list("0-2,8,10-11\n"), Some(vec![0, 1, 2, 8, 10, 11]));
        assert_eq!(parse_list("\n"), Some(vec![]), "a node without CPUs");
        for bad in ["x", "1-", "3-1", "0-99999999"] {
            assert_eq!(parse_list(bad), None, "{bad}");
        }
    }

    #[test]
    fn files_of_a_machine_with_two_nodes() {
        let folder = std::env::temp_dir().join(format!("nodes-{}", std::process::id()));
        let files = [
            ("online", "0,2\n"),
            ("node0/cpulist", "0-1\n"),
            ("node0/distance", "10 21\n"),
            ("node2/cpulist", "2-3\n"),
            ("node2/distance", "21 10\n"),
        ];
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = read_from(&folder);
        fs::remove_file(folder.join("node2/distance")).unwrap();
        let broken = read_from(&folder);
        fs::remove_dir_all(&folder).unwrap();
        let cpus = vec![vec![0, 1], vec![2, 3]];
        assert_eq!(read, Some((cpus, vec![vec![10, 21], vec![21, 10]])));
        assert_eq!(broken, None);
    }
}
