package dev.berth.cri;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Logging;
import dev.berth.cri.config.BerthConfig;
import dev.berth.cri.config.DefaultConfig;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The entry of {@code berthd}.
 *
 * <p>Prints one line on stdout when it is ready; the log goes to stderr. Ends on SIGTERM, and
 * leaves all containers running. Exit codes: 0 when it was told to end, 2 for a wrong
 * configuration, 1 for any other failure.
 */
public final class BerthdMain {
  private static final AtomicInteger EXIT_CODE = new AtomicInteger();

  private BerthdMain() {}

  /** Starts the server and returns when it was told to end. */
  public static void main(String[] arguments) {
    if (isAnswered(List.of(arguments))) {
      return;
    }
    try {
      BerthConfig config = BerthConfig.load(List.of(arguments));
      Logging.configure(config.logLevel());
      Berthd berthd = Berthd.start(config, Distribution.current());
      Runtime.getRuntime().addShutdownHook(new Thread(() -> end(berthd), "shutdown"));
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

  private static boolean isAnswered(List<String> arguments) {
    if (arguments.contains("--help") || arguments.contains("-h")) {
      System.out.print(DefaultConfig.usage());
      return true;
    }
    if (arguments.contains("--version")) {
      System.out.println("berthd " + Version.CURRENT);
      return true;
    }
    return false;
  }

  /** A JVM calls it a failure to be ended by a signal, a service manager who sent it does not. */
  private static void end(Berthd berthd) {
    berthd.close();
    Runtime.getRuntime().halt(EXIT_CODE.get());
  }

  private static void exit(int code, @Nullable String message) {
    System.err.println("berthd: " + message);
    EXIT_CODE.set(code);
    System.exit(code);
  }
}
