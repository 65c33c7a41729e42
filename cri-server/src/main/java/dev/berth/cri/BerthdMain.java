package dev.berth.cri;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Logging;
import dev.berth.cri.config.BerthConfig;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The entry of {@code berthd}.
 *
 * <p>Prints one line on stdout when it is ready; the log goes to stderr. Ends on SIGTERM, and
 * leaves all containers running. Exit codes: 2 for a wrong configuration, 1 for any other failure
 * to start.
 */
public final class BerthdMain {
  private BerthdMain() {}

  /** Starts the server and returns when it was told to end. */
  public static void main(String[] arguments) {
    try {
      BerthConfig config = BerthConfig.load(List.of(arguments));
      Logging.configure(config.logLevel());
      Berthd berthd = Berthd.start(config, Distribution.current());
      Runtime.getRuntime().addShutdownHook(new Thread(berthd::close, "shutdown"));
      berthd.awaitReady();
      System.out.println("berthd ready on " + config.socket());
      berthd.awaitClosed();
    } catch (BerthException e) {
      exit(e.kind() == INVALID_ARGUMENT ? 2 : 1, e.getMessage());
    } catch (IOException e) {
      exit(1, e.toString());
    } catch (InterruptedException e) {
      exit(1, "interrupted");
    }
  }

  private static void exit(int code, @Nullable String message) {
    System.err.println("berthd: " + message);
    System.exit(code);
  }
}
