package dev.berth.runtime.plan;

/** What a process gets as descriptors 0, 1 and 2. */
public sealed interface Stdio {

  /** Descriptors passed as {@code stdin}, {@code stdout} and {@code stderr}. */
  record Passed() implements Stdio {}

  /** A terminal of the container's own devpts, whose master goes to the stub. */
  record Terminal(int rows, int columns) implements Stdio {}
}
