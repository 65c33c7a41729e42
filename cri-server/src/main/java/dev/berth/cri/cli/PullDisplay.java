package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.ListPullsRequest;
import dev.berth.proto.berth.v1.Pull;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Shows on a terminal, while a pull goes on, how far it is; nothing anywhere else. A server that
 * cannot tell gets a line that says so little as that it works.
 */
final class PullDisplay implements AutoCloseable {
  private static final long PERIOD_MILLIS = 150;
  private static final String UNKNOWN_STAGE = "working";

  private final CriClient cri;
  private final String image;
  private final PullScreen screen;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread thread = new Thread(this::show, "pull-display");

  private PullDisplay(CriClient cri, String image, PrintWriter out) {
    this.cri = cri;
    this.image = image;
    this.screen = new PullScreen(out);
  }

  static PullDisplay start(CriClient cri, String image, PrintWriter out) {
    PullDisplay display = new PullDisplay(cri, image, out);
    if (Terminal.onStderr()) {
      display.thread.setDaemon(true);
      display.thread.start();
    }
    return display;
  }

  private void show() {
    try {
      while (!ended.await(PERIOD_MILLIS, TimeUnit.MILLISECONDS)) {
        screen.draw(
            progress()
                .orElseGet(
                    () -> Pull.newBuilder().setImage(image).setStage(UNKNOWN_STAGE).build()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      screen.clear();
    }
  }

  /** The name as it was typed may be short; the server's is complete. */
  private Optional<Pull> progress() {
    try {
      return cri.progress().listPulls(ListPullsRequest.getDefaultInstance()).getPullsList().stream()
          .filter(pull -> pull.getImage().contains(image))
          .findFirst();
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Optional.empty(); // another runtime than Berth
      }
      throw e;
    }
  }

  /** Ends the display and takes it off the terminal. */
  @Override
  public void close() {
    ended.countDown();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
