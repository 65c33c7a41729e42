package dev.berth.shim;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.base.LogLevel;
import dev.berth.base.Logging;
import dev.berth.proto.shim.types.RuntimeInfo;
import dev.berth.proto.shim.types.RuntimeVersion;
import dev.berth.runtime.cli.Features;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * {@code containerd-shim-berth-v2}: the shim v2 binary of Berth.
 *
 * <p>Standard output carries the answer of a command and nothing else; what goes wrong is one line
 * on standard error and exit code 1. Besides the flags of the protocol it knows, from its launcher
 * and the runtime:
 *
 * <ul>
 *   <li>{@code -Dberth.init=PATH}: where berth-init is
 *   <li>{@code BERTH_RUN_DIR}: the volatile directory, {@code /run/berth} unless set
 *   <li>{@code BERTH_SHIM_CGROUP}: the control group of shim and stubs, a path below the roots of
 *       the hierarchies, or a scope of systemd as {@code slice:prefix:name}; unless set, they stay
 *       in that of whoever started them
 *   <li>{@code BERTH_CRIU}: the program that checkpoints; unless set, {@code criu} in {@code PATH}
 *   <li>{@code -Dberth.shim.idle.seconds=N}: how long to stay without containers and clients
 * </ul>
 */
public final class ShimMain {
  static final String NAME = "io.containerd.berth.v2";
  static final String VERSION = "0.1.0";

  /** Tells a runtime that the next shim takes over the tasks of this one. */
  static final String ADOPTS_TASKS = "dev.berth.shim.adopts-tasks";

  /** Names the socket where the runtime takes events. */
  static final String EVENTS = "TTRPC_ADDRESS";

  private static final int DEFAULT_IDLE_SECONDS = 60;

  private ShimMain() {}

  /** Runs the program. */
  public static void main(String[] arguments) {
    try {
      run(ShimArguments.parse(List.of(arguments)));
    } catch (BerthException | IOException e) {
      System.err.println(NAME + ": " + e.getMessage());
      System.exit(1);
    } catch (InterruptedException e) {
      System.exit(1);
    }
    System.exit(0);
  }

  private static void run(ShimArguments arguments) throws IOException, InterruptedException {
    switch (arguments.verb()) {
      case START -> start(arguments);
      case DELETE -> {
        new DeleteCommand(directory(arguments), arguments.requireId()).run().writeTo(System.out);
        System.out.flush();
      }
      case SERVE -> serve(arguments);
      case VERSION -> System.out.println(NAME + " " + VERSION);
      case INFO -> {
        info().writeTo(System.out);
        System.out.flush();
      }
    }
  }

  private static void start(ShimArguments arguments) throws IOException, InterruptedException {
    var input = StartInput.read(arguments, System.in, System.getenv("MAX_SHIM_VERSION"));
    ShimDirectory directory = directory(input.address(), input.namespace());
    String address = new StartCommand(directory, input, arguments.bundle()).run();
    System.out.write(input.answer(address));
    System.out.flush();
  }

  private static void serve(ShimArguments arguments) throws IOException, InterruptedException {
    Logging.configure(arguments.debug() ? LogLevel.DEBUG : LogLevel.INFO);
    ShimServer.run(directory(arguments).create(), settings(arguments));
  }

  private static ShimDirectory directory(ShimArguments arguments) {
    return directory(arguments.address(), arguments.requireNamespace());
  }

  private static ShimDirectory directory(String address, String namespace) {
    String run = environment("BERTH_RUN_DIR");
    Path root = Path.of(run == null ? "/run/berth" : run).toAbsolutePath();
    return ShimDirectory.of(root, address, namespace);
  }

  private static ShimServer.Settings settings(ShimArguments arguments) {
    String events = environment(EVENTS);
    String criu = environment("BERTH_CRIU");
    return new ShimServer.Settings(
        arguments.namespace(),
        events == null ? null : Path.of(events),
        environment("BERTH_SHIM_CGROUP"),
        criu == null ? null : Path.of(criu),
        Duration.ofSeconds(Integer.getInteger("berth.shim.idle.seconds", DEFAULT_IDLE_SECONDS)));
  }

  private static @Nullable String environment(String name) {
    String value = System.getenv(name);
    return value == null || value.isBlank() ? null : value;
  }

  private static RuntimeInfo info() {
    return RuntimeInfo.newBuilder()
        .setName(NAME)
        .setVersion(RuntimeVersion.newBuilder().setVersion(VERSION))
        .setFeatures(
            Any.newBuilder()
                .setTypeUrl("types.containerd.io/opencontainers/runtime-spec/1/features/Features")
                .setValue(ByteString.copyFromUtf8(Features.json())))
        .build();
  }
}
