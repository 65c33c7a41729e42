package dev.berth.sandbox.cdi;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One spec file, checked: the devices of one kind, and what all of them need.
 *
 * @param path where it was read, for errors
 * @param edits applied once for all devices of the file that a container has
 * @param devices what each needs, by name
 */
record SpecFile(Path path, String kind, ContainerEdits edits, Map<String, ContainerEdits> devices) {
  private static final int MAX_BYTES = 4 << 20;
  private static final Gson GSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();

  /** All that were released. */
  private static final Set<String> VERSIONS =
      Set.of(
          "0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0");

  SpecFile {
    devices = Map.copyOf(devices);
  }

  /** The form on disk. */
  private record Content(
      @Nullable String cdiVersion,
      @Nullable String kind,
      @Nullable List<Device> devices,
      @Nullable ContainerEdits containerEdits) {}

  private record Device(@Nullable String name, @Nullable ContainerEdits containerEdits) {}

  /**
   * Reads a file.
   *
   * @throws BerthException FAILED_PRECONDITION naming the file and what is wrong with it
   */
  static SpecFile read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      require(bytes.length <= MAX_BYTES, file, "longer than " + MAX_BYTES + " bytes");
      String text = new String(bytes, StandardCharsets.UTF_8);
      return checked(file, present(parse(file, text), file, "is empty"));
    } catch (IOException e) {
      throw refused(file, "cannot be read: " + e.getMessage(), e);
    } catch (JsonParseException e) {
      throw refused(file, "not understood: " + e.getMessage(), e);
    }
  }

  private static @Nullable Content parse(Path file, String text) {
    return file.toString().endsWith(".json")
        ? GSON.fromJson(text, Content.class)
        : GSON.fromJson(SimpleYaml.parse(text), Content.class);
  }

  private static SpecFile checked(Path file, Content content) {
    String version = present(content.cdiVersion(), file, "cdiVersion is missing");
    require(
        VERSIONS.contains(version), file, "cdiVersion " + Ids.printable(version) + " is not known");
    String kind = present(content.kind(), file, "kind is missing");
    require(DeviceName.isKind(kind), file, "kind is not like vendor.com/class");
    Map<String, ContainerEdits> devices = new HashMap<>();
    for (Device device : content.devices() == null ? List.<Device>of() : content.devices()) {
      String name = present(device.name(), file, "a device has no name");
      require(DeviceName.isDevice(name), file, "device " + Ids.printable(name) + " is no name");
      ContainerEdits edits =
          present(device.containerEdits(), file, "device " + name + " has no containerEdits");
      EditRules.check("CDI spec " + file + ": device " + name, edits);
      require(devices.put(name, edits) == null, file, "device " + name + " is given twice");
    }
    require(!devices.isEmpty(), file, "devices is empty");
    ContainerEdits edits =
        content.containerEdits() == null ? ContainerEdits.NONE : content.containerEdits();
    EditRules.check("CDI spec " + file, edits);
    return new SpecFile(file, kind, edits, devices);
  }

  private static <T> T present(@Nullable T value, Path file, String problem) {
    if (value == null) {
      throw refused(file, problem, null);
    }
    return value;
  }

  private static void require(boolean condition, Path file, String problem) {
    if (!condition) {
      throw refused(file, problem, null);
    }
  }

  private static BerthException refused(Path file, String problem, @Nullable Exception cause) {
    String message = "CDI spec " + file + ": " + problem;
    return cause == null
        ? new BerthException(FAILED_PRECONDITION, message)
        : new BerthException(FAILED_PRECONDITION, message, cause);
  }
}
