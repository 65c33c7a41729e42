package dev.berth.cri.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Shows on a terminal that something goes on and for how long; nothing anywhere else. */
final class Spinner implements AutoCloseable {
  private static final String FRAMES = "|/-\\";
  private static final String CLEAR_LINE = "\r\u001b[K";

  private final String what;
  private final PrintWriter out;
  private final Instant startedAt = Instant.now();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread thread = new Thread(this::spin, "spinner");

  private Spinner(String what, PrintWriter out) {
    this.what = what;
    this.out = out;
  }

  static Spinner start(String what, PrintWriter out) {
    Spinner spinner = new Spinner(what, out);
    if (stderrIsTerminal()) {
      spinner.thread.setDaemon(true);
      spinner.thread.start();
    } else {
      spinner.ended.countDown();
    }
    return spinner;
  }

  /** Asks for stderr alone: stdout may go into a pipe. */
  private static boolean stderrIsTerminal() {
    try {
      String file = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return file.startsWith("/dev/pts/") || file.startsWith("/dev/tty");
    } catch (IOException e) {
      return false;
    }
  }

  private void spin() {
    try {
      for (int i = 0; !ended.await(150, TimeUnit.MILLISECONDS); i++) {
        long seconds = Duration.between(startedAt, Instant.now()).toSeconds();
        out.print(
            CLEAR_LINE + FRAMES.charAt(i % FRAMES.length()) + " " + what + " " + seconds + " s");
        out.flush();
      }
      out.print(CLEAR_LINE);
      out.flush();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Clears the line. */
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
