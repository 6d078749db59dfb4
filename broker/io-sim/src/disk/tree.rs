//! The names of a simulated disk: those that reads see, and those that survive a crash.
//! It holds no content.

use std::collections::BTreeMap;

use kring_io::Random;

/// A directory, whatever its name.
pub(super) type DirId = u64;
const TOP: DirId = 0;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Dir(DirId),
    /// The number of a file.
    File(u64),
}

type Names = BTreeMap<String, Node>;
type Dirs = BTreeMap<DirId, Names>;

/// A name in a directory gets a node, or loses it.
#[derive(Clone, Debug)]
struct Change {
    dir: DirId,
    name: String,
    node: Option<Node>,
    seq: u64,
    /// The second half of a rename within a directory: kept or lost with the first.
    with_previous: bool,
}

/// All names. A change is visible at once and survives from the sync of its directory on; of the
/// changes of a directory that were not synced, a crash keeps the first few.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    visible: Dirs,
    durable: Dirs,
    unsynced: Vec<Change>,
    next_dir: DirId,
}

impl Default for Tree {
    fn default() -> Tree {
        let top: Dirs = BTreeMap::from([(TOP, Names::new())]);
        Tree {
            visible: top.clone(),
            durable: top,
            unsynced: Vec::new(),
            next_dir: TOP + 1,
        }
    }
}

impl Tree {
    pub(super) fn get(&self, path: &str) -> Option<Node> {
        let mut node = Node::Dir(TOP);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let Node::Dir(dir) = node else { return None };
            node = *self.visible.get(&dir)?.get(name)?;
        }
        Some(node)
    }

    pub(super) fn dir(&self, path: &str) -> Option<DirId> {
        match self.get(path)? {
            Node::Dir(dir) => Some(dir),
            Node::File(_) => None,
        }
    }

    /// Names a file; its directory exists.
    pub(super) fn link_file(&mut self, path: &str, file: u64, seq: u64) {
        self.put(path, Some(Node::File(file)), seq, false);
    }

    /// Makes a directory; the one above exists.
    pub(super) fn make_dir(&mut self, path: &str, seq: u64) {
        let dir = self.next_dir;
        self.next_dir += 1;
        self.visible.insert(dir, Names::new());
        self.durable.insert(dir, Names::new());
        self.put(path, Some(Node::Dir(dir)), seq, false);
    }

    pub(super) fn unlink(&mut self, path: &str, seq: u64) {
        self.put(path, None, seq, false);
    }

    /// Renames what exists, within one directory or across two.
    pub(super) fn rename(&mut self, from: &str, to: &str, seq: u64) {
        let node = self.get(from);
        self.put(to, node, seq, false);
        self.put(from, None, seq, parent(from) == parent(to));
    }

    /// Names directly within a directory, in order.
    pub(super) fn list(&self, dir: DirId) -> Vec<(String, Node)> {
        let names = self.visible.get(&dir).into_iter().flatten();
        names.map(|(name, node)| (name.clone(), *node)).collect()
    }

    /// All paths with their files, in order.
    pub(super) fn files(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        self.collect(TOP, "", &mut found);
        found.sort();
        found
    }

    fn collect(&self, dir: DirId, prefix: &str, found: &mut Vec<(String, u64)>) {
        for (name, node) in self.visible.get(&dir).into_iter().flatten() {
            match node {
                Node::File(file) => found.push((format!("{prefix}{name}"), *file)),
                Node::Dir(below) => self.collect(*below, &format!("{prefix}{name}/"), found),
            }
        }
    }

    /// Whether a file has a name now.
    pub(super) fn names_now(&self, file: u64) -> bool {
        let is = |node: &Node| *node == Node::File(file);
        self.visible.values().any(|names| names.values().any(is))
    }

    /// Whether a file has a name, now or after a crash.
    pub(super) fn names(&self, file: u64) -> bool {
        let is = |node: &Node| *node == Node::File(file);
        let in_dirs = |dirs: &Dirs| dirs.values().any(|names| names.values().any(is));
        in_dirs(&self.visible)
            || in_dirs(&self.durable)
            || self
                .unsynced
                .iter()
                .any(|c| c.node.as_ref().is_some_and(is))
    }

    /// Makes the changes of a directory durable that happened before `seq`.
    pub(super) fn sync(&mut self, dir: DirId, seq: u64) {
        let (synced, rest): (Vec<Change>, Vec<Change>) = std::mem::take(&mut self.unsynced)
            .into_iter()
            .partition(|c| c.dir == dir && c.seq < seq);
        self.unsynced = rest;
        for change in synced {
            apply(&mut self.durable, &change);
        }
    }

    /// Power loss. Returns how many changes were lost.
    pub(super) fn crash(&mut self, random: &mut Random) -> u64 {
        let mut lost = 0;
        let mut cut: Vec<DirId> = Vec::new();
        for change in std::mem::take(&mut self.unsynced) {
            let kept = !cut.contains(&change.dir) && (change.with_previous || random.below(2) == 0);
            if kept {
                apply(&mut self.durable, &change);
            } else {
                cut.push(change.dir);
                lost += 1;
            }
        }
        self.visible = self.durable.clone();
        lost
    }

    fn put(&mut self, path: &str, node: Option<Node>, seq: u64, with_previous: bool) {
        let Some(dir) = self.dir(parent(path)) else {
            return;
        };
        let change = Change {
            dir,
            name: path[path.rfind('/').map_or(0, |at| at + 1)..].to_owned(),
            node,
            seq,
            with_previous,
        };
        apply(&mut self.visible, &change);
        self.unsynced.push(change);
    }
}

/// The directory of a path; `""` for the top.
pub(super) fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

fn apply(dirs: &mut Dirs, change: &Change) {
    let names = dirs.entry(change.dir).or_default();
    match change.node {
        Some(node) => names.insert(change.name.clone(), node),
        None => names.remove(&change.name),
    };
}
