package dev.berth.cri.streaming;

import dev.berth.sandbox.StandardStreams;
import java.util.List;

/** What a URL stands for. Checked before it got one. */
public sealed interface StreamRequest {
  /** Run a command in a container. */
  record Exec(String containerId, List<String> command, boolean terminal, StandardStreams streams)
      implements StreamRequest {
    /** Copies the list. */
    public Exec {
      command = List.copyOf(command);
    }

    @Override
    public String path() {
      return "exec";
    }
  }

  /** Attach to the process of a container. */
  record Attach(String containerId, boolean terminal, StandardStreams streams)
      implements StreamRequest {
    @Override
    public String path() {
      return "attach";
    }
  }

  /**
   * Connect to ports of a sandbox.
   *
   * @param ports for clients that cannot name them on the connection; may be empty
   */
  record PortForward(String sandboxId, List<Integer> ports) implements StreamRequest {
    /** Copies the list. */
    public PortForward {
      ports = List.copyOf(ports);
    }

    @Override
    public String path() {
      return "portforward";
    }
  }

  /** Returns the first part of the URL's path. */
  String path();
}
