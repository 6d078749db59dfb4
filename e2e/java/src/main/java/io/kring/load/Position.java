package io.kring.load;

/** A place in the topic. */
record Position(int partition, long offset) {}
