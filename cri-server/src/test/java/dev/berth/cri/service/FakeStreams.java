package dev.berth.cri.service;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.sandbox.StandardStreams;
import dev.berth.sandbox.StreamedProcess;
import dev.berth.sandbox.Streams;
import java.nio.channels.SocketChannel;
import java.util.List;

/** One container, c-1, that runs, one that does not, c-2, and one sandbox, s-1. */
final class FakeStreams implements Streams {
  @Override
  public String requireRunning(String containerId) {
    return switch (containerId) {
      case "c", "c-1" -> "c-1";
      case "c-2" -> throw new BerthException(FAILED_PRECONDITION, "container c-2 is not running");
      default -> throw new BerthException(NOT_FOUND, "no container " + containerId);
    };
  }

  @Override
  public String requireReady(String sandboxId) {
    if (!sandboxId.equals("s-1")) {
      throw new BerthException(NOT_FOUND, "no sandbox " + sandboxId);
    }
    return sandboxId;
  }

  @Override
  public StreamedProcess exec(
      String containerId,
      List<String> command,
      boolean terminal,
      StandardStreams streams,
      Operation operation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public StreamedProcess attach(String containerId, StandardStreams streams, Operation operation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public SocketChannel forward(String sandboxId, int port, Operation operation) {
    throw new UnsupportedOperationException();
  }
}
