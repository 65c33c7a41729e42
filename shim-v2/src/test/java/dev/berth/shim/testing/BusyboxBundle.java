package dev.berth.shim.testing;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** An OCI bundle whose root holds the static busybox of the machine and nothing else. */
public final class BusyboxBundle {
  private static final Path BUSYBOX = Path.of("/bin/busybox");
  private static final List<String> DIRECTORIES = List.of("bin", "proc", "dev", "sys", "tmp");

  private static final String CONFIG =
      """
      {
        "ociVersion": "1.0.2",
        "process": {
          "user": {"uid": 0, "gid": 0},
          "args": [],
          "env": ["PATH=/bin"],
          "cwd": "/",
          "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
          "noNewPrivileges": true
        },
        "root": {"path": "rootfs"},
        "hostname": "busybox",
        "mounts": [
          {"destination": "/proc", "type": "proc", "source": "proc"},
          {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
          {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
           "options": ["newinstance", "ptmxmode=0666", "mode=0620"]}
        ],
        "linux": {
          "cgroupsPath": "",
          "namespaces": [
            {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "network"}
          ]
        }
      }
      """;

  private final Path directory;
  private final JsonObject config = JsonParser.parseString(CONFIG).getAsJsonObject();

  private BusyboxBundle(Path directory) {
    this.directory = directory;
  }

  /**
   * Makes a bundle.
   *
   * @param cgroup path of a control group of the test's own
   */
  public static BusyboxBundle create(Path directory, String cgroup, String... args)
      throws IOException {
    var bundle = new BusyboxBundle(directory);
    for (String name : DIRECTORIES) {
      Files.createDirectories(directory.resolve("rootfs").resolve(name));
    }
    Files.copy(BUSYBOX, directory.resolve("rootfs/bin/busybox"));
    for (String applet : List.of("sh", "cat", "sleep", "echo", "true", "seq", "stty", "kill")) {
      Files.createSymbolicLink(directory.resolve("rootfs/bin").resolve(applet), Path.of("busybox"));
    }
    bundle.config.getAsJsonObject("linux").addProperty("cgroupsPath", cgroup);
    bundle.config.getAsJsonObject("process").add("args", array(args));
    return bundle.write();
  }

  /** Gives the process a terminal. */
  public BusyboxBundle withTerminal() throws IOException {
    config.getAsJsonObject("process").addProperty("terminal", true);
    return write();
  }

  /** Limits the memory, swap included where it is counted. */
  public BusyboxBundle withMemoryLimit(long bytes) throws IOException {
    var memory = new JsonObject();
    memory.addProperty("limit", bytes);
    memory.addProperty("swap", bytes);
    var resources = new JsonObject();
    resources.add("memory", memory);
    config.getAsJsonObject("linux").add("resources", resources);
    return write();
  }

  /**
   * Adds a hook, at most one for each point, that runs a shell script on the host or, for
   * startContainer, in the container.
   */
  public BusyboxBundle withHook(String point, String script) throws IOException {
    var hook = new JsonObject();
    hook.addProperty("path", "/bin/busybox");
    hook.add("args", array("sh", "-c", script));
    hook.addProperty("timeout", 10);
    var list = new JsonArray();
    list.add(hook);
    if (!config.has("hooks")) {
      config.add("hooks", new JsonObject());
    }
    config.getAsJsonObject("hooks").add(point, list);
    return write();
  }

  /** Adds an annotation. */
  public BusyboxBundle annotate(String key, String value) throws IOException {
    var annotations = new JsonObject();
    annotations.addProperty(key, value);
    config.add("annotations", annotations);
    return write();
  }

  private BusyboxBundle write() throws IOException {
    Files.writeString(directory.resolve("config.json"), config.toString());
    return this;
  }

  /** Returns the directory of the bundle. */
  public Path directory() {
    return directory;
  }

  /** Returns the OCI process of an exec. */
  public static ByteString process(String... args) {
    JsonObject process =
        JsonParser.parseString(CONFIG).getAsJsonObject().getAsJsonObject("process").deepCopy();
    process.add("args", array(args));
    return ByteString.copyFromUtf8(process.toString());
  }

  private static JsonArray array(String... values) {
    var array = new JsonArray();
    for (String value : values) {
      array.add(value);
    }
    return array;
  }
}
