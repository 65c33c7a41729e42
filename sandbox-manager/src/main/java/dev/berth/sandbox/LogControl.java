package dev.berth.sandbox;

import dev.berth.base.Operation;
import java.nio.file.Path;

/** Tells whoever writes the log of a container what to do with it. */
public interface LogControl {
  /**
   * Makes the writer go on in a new file of the same path. On return that file exists, and the old
   * one gets no further line.
   *
   * @param bundle the container's bundle
   * @param log the path of its log
   */
  void reopen(String containerId, Path bundle, Path log, Operation operation);
}
