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
    /// How many names each file has, so that nobody searches for them.
    counts: BTreeMap<u64, NameCount>,
}

/// The names of one file.
#[derive(Clone, Copy, Debug, Default)]
struct NameCount {
    visible: u32,
    /// Those that survive a crash, or may: in the durable directories and in changes since.
    surviving: u32,
}

/// Which of a file's names a change counts among.
#[derive(Clone, Copy)]
enum Among {
    Visible,
    Surviving,
}

impl Default for Tree {
    fn default() -> Tree {
        let top: Dirs = BTreeMap::from([(TOP, Names::new())]);
        Tree {
            visible: top.clone(),
            durable: top,
            unsynced: Vec::new(),
            next_dir: TOP + 1,
            counts: BTreeMap::new(),
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
        self.counts.get(&file).is_some_and(|c| c.visible > 0)
    }

    /// Whether a file has a name, now or after a crash.
    pub(super) fn names(&self, file: u64) -> bool {
        self.counts.contains_key(&file)
    }

    /// Makes the changes of a directory durable that happened before `seq`.
    pub(super) fn sync(&mut self, dir: DirId, seq: u64) {
        let (synced, rest): (Vec<Change>, Vec<Change>) = std::mem::take(&mut self.unsynced)
            .into_iter()
            .partition(|c| c.dir == dir && c.seq < seq);
        self.unsynced = rest;
        for change in synced {
            self.make_durable(&change);
            self.count(change.node, Among::Surviving, false);
        }
    }

    /// Power loss. Returns how many changes were lost.
    pub(super) fn crash(&mut self, random: &mut Random) -> u64 {
        let mut lost = 0;
        let mut cut: Vec<DirId> = Vec::new();
        for change in std::mem::take(&mut self.unsynced) {
            let kept = !cut.contains(&change.dir) && (change.with_previous || random.below(2) == 0);
            if kept {
                self.make_durable(&change);
            } else {
                cut.push(change.dir);
                lost += 1;
            }
        }
        self.visible = self.durable.clone();
        self.counts.clear();
        for node in self.durable.values().flat_map(BTreeMap::values) {
            if let Node::File(file) = node {
                let count = self.counts.entry(*file).or_default();
                count.visible += 1;
                count.surviving += 1;
            }
        }
        lost
    }

    fn make_durable(&mut self, change: &Change) {
        let before = apply(&mut self.durable, change);
        self.count(change.node, Among::Surviving, true);
        self.count(before, Among::Surviving, false);
    }

    /// A file got a name or lost one.
    fn count(&mut self, node: Option<Node>, among: Among, more: bool) {
        let Some(Node::File(file)) = node else {
            return;
        };
        let count = self.counts.entry(file).or_default();
        let names = match among {
            Among::Visible => &mut count.visible,
            Among::Surviving => &mut count.surviving,
        };
        *names = if more { *names + 1 } else { *names - 1 };
        if count.visible == 0 && count.surviving == 0 {
            self.counts.remove(&file);
        }
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
        let before = apply(&mut self.visible, &change);
        // The new name first: of a file that is given its own name again none is lost.
        self.count(change.node, Among::Visible, true);
        self.count(change.node, Among::Surviving, true);
        self.count(before, Among::Visible, false);
        self.unsynced.push(change);
    }
}

/// The directory of a path; `""` for the top.
pub(super) fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

/// Returns what the name stood for before.
fn apply(dirs: &mut Dirs, change: &Change) -> Option<Node> {
    let names = dirs.entry(change.dir).or_default();
    match change.node {
        Some(node) => names.insert(change.name.clone(), node),
        None => names.remove(&change.name),
    }
}
