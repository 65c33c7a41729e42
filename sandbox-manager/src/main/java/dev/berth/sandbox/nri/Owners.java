package dev.berth.sandbox.nri;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.nri.CompoundFieldOwners;
import dev.berth.proto.nri.Field;
import dev.berth.proto.nri.FieldOwners;
import dev.berth.proto.nri.OwningPlugins;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which plugin has set which field of which container, during one request: a field is set by one
 * plugin only, unless another one has taken it away first. Not thread-safe.
 */
final class Owners {
  /** The entry is empty where the field is one value. */
  private record Claim(String containerId, Field field, String entry) {}

  private final Map<Claim, String> owners = new LinkedHashMap<>();

  /**
   * Takes a whole field.
   *
   * @throws BerthException FAILED_PRECONDITION naming the plugin that has it
   */
  void claim(String containerId, Field field, String plugin) {
    claim(containerId, field, "", plugin);
  }

  /**
   * Takes one entry of a field.
   *
   * @param entry a name, path or key; not empty
   * @throws BerthException FAILED_PRECONDITION naming the plugin that has it
   */
  void claim(String containerId, Field field, String entry, String plugin) {
    String other = owners.putIfAbsent(new Claim(containerId, field, entry), plugin);
    if (other != null) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "nri plugins "
              + other
              + " and "
              + plugin
              + " both set "
              + describe(field, entry)
              + " of container "
              + Ids.printable(containerId));
    }
  }

  /** Notes who adds to a field to which all may add. */
  void share(String containerId, Field field, String plugin) {
    owners.merge(
        new Claim(containerId, field, ""), plugin, (before, added) -> before + "," + added);
  }

  void clear(String containerId, Field field) {
    clear(containerId, field, "");
  }

  void clear(String containerId, Field field, String entry) {
    owners.remove(new Claim(containerId, field, entry));
  }

  private static String describe(Field field, String entry) {
    return entry.isEmpty() ? field.name() : field.name() + " " + Ids.printable(entry);
  }

  OwningPlugins toMessage() {
    Map<String, FieldOwners.Builder> byContainer = new LinkedHashMap<>();
    owners.forEach((claim, plugin) ->
        add(
            byContainer.computeIfAbsent(claim.containerId(), _ -> FieldOwners.newBuilder()),
            claim,
            plugin));
    var message = OwningPlugins.newBuilder();
    byContainer.forEach((id, fields) -> message.putOwners(id, fields.build()));
    return message.build();
  }

  private static void add(FieldOwners.Builder fields, Claim claim, String plugin) {
    int field = claim.field().getNumber();
    if (claim.entry().isEmpty()) {
      fields.putSimple(field, plugin);
    } else {
      CompoundFieldOwners before =
          fields.getCompoundOrDefault(field, CompoundFieldOwners.getDefaultInstance());
      fields.putCompound(field, before.toBuilder().putOwners(claim.entry(), plugin).build());
    }
  }
}
