package dev.berth.runtime.cli;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Root;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.SpecValidator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * An OCI bundle: a directory with a config.json and, mostly, the root file system.
 *
 * @param directory absolute, without symbolic links
 * @param json the configuration as it was read
 */
record Bundle(Path directory, RuntimeSpec spec, String json) {

  /**
   * Reads and validates a bundle.
   *
   * @throws BerthException NOT_FOUND without a config.json, else naming the field that is wrong
   */
  static Bundle read(Path path) {
    try {
      Path directory = path.toRealPath();
      byte[] json = Files.readAllBytes(directory.resolve("config.json"));
      RuntimeSpec spec = RuntimeSpec.parse(json);
      SpecValidator.validate(spec);
      return new Bundle(directory, spec, new String(json, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.NOT_FOUND, "bundle " + path + ": no readable config.json: " + e, e);
    }
  }

  /**
   * The same with a control group: one of the container's own where the configuration names none,
   * since nothing could be limited, counted, paused or surely killed without; and where it names a
   * relative one, that below the root of the hierarchies.
   */
  Bundle inCgroup(String id, boolean systemd) {
    Linux linux = spec.linux();
    String path = linux == null ? null : linux.cgroupsPath();
    if (linux == null || (path != null && (path.startsWith("/") || path.contains(":")))) {
      return this;
    }
    String own = systemd ? "system.slice:berth:" + id : "/" + id;
    JsonObject config = JsonParser.parseString(json).getAsJsonObject();
    config.getAsJsonObject("linux").addProperty("cgroupsPath", path == null ? own : "/" + path);
    String changed = config.toString();
    return new Bundle(
        directory, RuntimeSpec.parse(changed.getBytes(StandardCharsets.UTF_8)), changed);
  }

  /** The directory that root.path names, relative to the bundle if it is not absolute. */
  Rootfs rootfs() {
    Root root = spec.root();
    if (root == null) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "config.json: root is missing");
    }
    Path path = directory.resolve(root.path());
    if (!Files.isDirectory(path)) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "root.path: " + path + " is not a directory");
    }
    return new Rootfs.Directory(path.normalize().toString());
  }
}
