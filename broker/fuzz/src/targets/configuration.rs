//! Configuration files: read with a clear answer or refused with one.
//! It opens no file and no socket.

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(message) = kring_node::check_configuration(text) {
        assert!(!message.is_empty(), "a refusal says why");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "\"node.id\" = 1\n\"log.retention.hours\" = 24\n",
        "\"listeners\" = \"PLAINTEXT://127.0.0.1:9092\"\n\"log.dirs\" = \"data\"\n",
        "\"num.partitions\" = 6\n\"min.insync.replicas\" = 2\n\"auto.create.topics.enable\" = false\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).into()
}
