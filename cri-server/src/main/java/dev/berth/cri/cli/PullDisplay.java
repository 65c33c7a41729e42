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
 * Shows while a pull, load, save or push goes on how far it is: on a terminal by bars, and by lines
 * of JSON where a program reads. A server that cannot tell gets a line that says so little as that
 * it works.
 */
final class PullDisplay implements AutoCloseable {
  private static final long PERIOD_MILLIS = 150;
  static final String UNKNOWN_STAGE = "working";

  private final CriClient cri;
  private final String image;
  private final PullView view;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread thread = new Thread(this::show, "pull-display");

  private PullDisplay(CriClient cri, String image, PullView view) {
    this.cri = cri;
    this.image = image;
    this.view = view;
  }

  /** Shows bars on a terminal, nothing anywhere else. */
  static PullDisplay start(CriClient cri, String image, PrintWriter err) {
    return start(cri, image, new PullScreen(err), Terminal.onStderr());
  }

  /** Shows bars on a terminal; where results are read by a program, lines of JSON among them. */
  static PullDisplay start(CriClient cri, String image, PrintWriter out, PrintWriter err) {
    return Terminal.onStdout()
        ? start(cri, image, err)
        : start(cri, image, new PullLines(out), true);
  }

  private static PullDisplay start(CriClient cri, String image, PullView view, boolean shown) {
    var display = new PullDisplay(cri, image, view);
    if (shown) {
      display.thread.setDaemon(true);
      display.thread.start();
    }
    return display;
  }

  private void show() {
    try {
      while (!ended.await(PERIOD_MILLIS, TimeUnit.MILLISECONDS)) {
        view.draw(
            progress()
                .orElseGet(
                    () -> Pull.newBuilder().setImage(image).setStage(UNKNOWN_STAGE).build()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      view.clear();
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
