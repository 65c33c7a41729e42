package dev.berth.runtime.task;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * A spec that is right but for one field.
 *
 * @param names what an error about it begins with
 */
record WrongField(String names, RuntimeSpec spec) {

  /** A document in which one value is of another type, and the path of that value. */
  record OfAnotherType(String path, String json) {}

  private record Place(
      String path, JsonElement value, java.util.function.Consumer<JsonElement> put) {}

  static OfAnotherType retype(JsonObject config, Random random) {
    List<Place> places = new ArrayList<>();
    collect("", config, places);
    Place place = places.get(random.nextInt(places.size()));
    boolean isObject = place.value().isJsonObject();
    place.put().accept(isObject ? new JsonPrimitive("x") : new JsonObject());
    return new OfAnotherType(place.path(), config.toString());
  }

  private static void collect(String path, JsonElement element, List<Place> places) {
    if (element instanceof JsonObject object) {
      for (Map.Entry<String, JsonElement> entry : List.copyOf(object.entrySet())) {
        String key = entry.getKey();
        String child = path.isEmpty() ? key : path + "." + key;
        places.add(new Place(child, entry.getValue(), value -> object.add(key, value)));
        collect(child, entry.getValue(), places);
      }
    } else if (element instanceof JsonArray array) {
      for (int i = 0; i < array.size(); i++) {
        int index = i;
        String child = path + "[" + i + "]";
        places.add(new Place(child, array.get(i), value -> array.set(index, value)));
        collect(child, array.get(i), places);
      }
    }
  }

  /** Ways to ask for what only the kernel can refuse; each leaves all other fields as they are. */
  static List<WrongField> unknownToTheValidator(RuntimeSpec spec) {
    int mounts = spec.mounts().size();
    return List.of(
        new WrongField(
            "process.args[0]", process(spec, process -> process.args(List.of("no-such-program")))),
        new WrongField("process.cwd", process(spec, process -> process.cwd("/srv/secret/below"))),
        new WrongField(
            "mounts[" + mounts + "] /mnt/7",
            mount(spec, new Mount("/mnt/7", "bind", "/no/such/source", List.of("bind")))),
        new WrongField(
            "mounts[" + mounts + "] /mnt/7",
            mount(spec, new Mount("/mnt/7", "nosuchfs", "none", List.of()))),
        new WrongField(
            "mounts[" + mounts + "] /mnt/7",
            mount(spec, new Mount("/mnt/7", "tmpfs", "tmpfs", List.of("nosuchoption=1")))),
        new WrongField(
            "mounts[" + mounts + "] /srv/secret/below",
            mount(spec, new Mount("/srv/secret/below", "tmpfs", "tmpfs", List.of()))),
        new WrongField("linux.namespaces", namespace(spec, "/no/such/namespace")),
        new WrongField("linux.namespaces", namespace(spec, "/proc/self/ns/mnt")),
        new WrongField("linux.resources.cpu.cpus", cpus(spec, "4000")));
  }

  private static RuntimeSpec process(
      RuntimeSpec spec, UnaryOperator<dev.berth.runtime.spec.ContainerProcess.Builder> change) {
    return spec.toBuilder().process(change.apply(spec.process().toBuilder()).build()).build();
  }

  private static RuntimeSpec mount(RuntimeSpec spec, Mount added) {
    List<Mount> mounts = new ArrayList<>(spec.mounts());
    mounts.add(added);
    return spec.toBuilder().mounts(mounts).build();
  }

  private static RuntimeSpec namespace(RuntimeSpec spec, String path) {
    List<Namespace> namespaces = new ArrayList<>(spec.linux().namespaces());
    namespaces.removeIf(namespace -> namespace.type().equals("ipc"));
    namespaces.add(Namespace.join("ipc", path));
    return spec.toBuilder()
        .linux(spec.linux().toBuilder().namespaces(namespaces).sysctl(Map.of()).build())
        .build();
  }

  private static RuntimeSpec cpus(RuntimeSpec spec, String cpus) {
    var resources = RuntimeSpecs.resources("{\"cpu\":{\"cpus\":\"" + cpus + "\"}}");
    return spec.toBuilder().linux(spec.linux().toBuilder().resources(resources).build()).build();
  }
}
