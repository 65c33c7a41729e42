package dev.berth.sandbox;

import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the records say should be there, for auditors. Every answer is read anew from the store;
 * what is being taken apart is known from memory alone.
 */
final class RecordView {
  private final RecordStore records;
  private final Registry registry;
  private final String bootId = BootId.current();

  RecordView(RecordStore records, Registry registry) {
    this.records = records;
    this.registry = registry;
  }

  List<SandboxRecord> sandboxes() {
    return records.sandboxes();
  }

  List<ContainerRecord> containers() {
    return records.containers();
  }

  Set<String> allSandboxes() {
    return ids(sandboxes().stream().map(SandboxRecord::id));
  }

  Set<String> readySandboxes() {
    return ids(sandboxes().stream().filter(this::isReady).map(SandboxRecord::id));
  }

  Set<String> allContainers() {
    return ids(containers().stream().map(ContainerRecord::id));
  }

  /** Returns the ids of all that may have a task: containers, and pods for their pauses. */
  Set<String> tasks() {
    return tasks(_ -> true, _ -> true);
  }

  /** Returns the ids of all that must have a task. */
  Set<String> activeTasks() {
    return tasks(this::isReady, this::isActive);
  }

  private Set<String> tasks(Predicate<SandboxRecord> pods, Predicate<ContainerRecord> containers) {
    return ids(
        Stream.concat(
            containers().stream().filter(containers).map(ContainerRecord::id),
            sandboxes().stream().filter(PodPause::isNeeded).filter(pods).map(SandboxRecord::id)));
  }

  private static Set<String> ids(Stream<String> ids) {
    return ids.collect(Collectors.toUnmodifiableSet());
  }

  /** Tells whether all that belongs to a sandbox must be there. */
  boolean isReady(SandboxRecord sandbox) {
    return sandbox.phase() == SandboxRecord.Phase.READY
        && sandbox.bootId().equals(bootId)
        && registry
            .sandboxes
            .find(sandbox.id())
            .filter(known -> known.state() == SandboxState.READY)
            .isPresent();
  }

  /** Tells whether something of a sandbox may be there beside its files. */
  boolean isHeld(SandboxRecord sandbox) {
    return sandbox.phase() != SandboxRecord.Phase.STOPPED;
  }

  /** Tells whether a container must have a task: created or running. */
  boolean isActive(ContainerRecord container) {
    return container.bootId().equals(bootId)
        && registry
            .containers
            .find(container.id())
            .filter(known -> !known.isRemoved() && hasTask(known.currentState()))
            .isPresent();
  }

  private static boolean hasTask(ContainerState state) {
    return switch (state) {
      case ContainerState.Created _, ContainerState.Running _ -> true;
      case ContainerState.Exited _, ContainerState.Unknown _ -> false;
    };
  }

  static String saysReady(SandboxRecord sandbox) {
    return "sandbox " + sandbox.id() + " is ready by its record";
  }

  static String saysActive(ContainerRecord container) {
    return "container " + container.id() + " is created or running by its record";
  }
}
