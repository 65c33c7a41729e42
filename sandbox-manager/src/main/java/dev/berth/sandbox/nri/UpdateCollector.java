package dev.berth.sandbox.nri;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.LinuxResources;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects the updates that plugins ask for in answer to one request, one for each container. Not
 * thread-safe.
 */
final class UpdateCollector {
  private final Owners owners;
  private final String creating;
  private final Map<String, ContainerUpdate.Builder> updates = new LinkedHashMap<>();

  /**
   * @param creating id of a container that is being made, which can only be adjusted; empty if none
   *     is
   */
  UpdateCollector(Owners owners, String creating) {
    this.owners = owners;
    this.creating = creating;
  }

  /** Adds what one plugin asks for. */
  void apply(List<ContainerUpdate> wanted, String plugin) {
    for (ContainerUpdate update : wanted) {
      apply(update, plugin);
    }
  }

  private void apply(ContainerUpdate update, String plugin) {
    String id = update.getContainerId();
    if (!creating.isEmpty() && id.equals(creating)) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "nri plugin " + plugin + " asks for an update of " + id + ", which is only being made");
    }
    ContainerUpdate.Builder collected =
        updates.computeIfAbsent(
            id, _ -> ContainerUpdate.newBuilder().setContainerId(id).setIgnoreFailure(true));
    collected.setIgnoreFailure(collected.getIgnoreFailure() && update.getIgnoreFailure());
    try {
      new ResourceClaims(owners, id, plugin)
          .write(
              update.getLinux().getResources(), collected.getLinuxBuilder().getResourcesBuilder());
    } catch (BerthException e) {
      if (!update.getIgnoreFailure()) {
        throw e;
      }
    }
  }

  /** Returns the limits that one container gets: those asked for, and over them the plugins'. */
  LinuxResources limitsOf(String id, LinuxResources asked) {
    ContainerUpdate.Builder update = updates.get(id);
    if (update == null) {
      return asked;
    }
    LinuxResources.Builder limits = asked.toBuilder();
    ResourceClaims.overlay(update.getLinux().getResources(), limits);
    return limits.build();
  }

  /** Returns the updates of all containers but one. */
  List<ContainerUpdate> others(String id) {
    return updates.values().stream()
        .map(ContainerUpdate.Builder::build)
        .filter(update -> !update.getContainerId().equals(id))
        .toList();
  }
}
