package dev.berth.e2e;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * What must be true of a node under faults, what was not, and how much was looked at. Thread-safe.
 */
final class FaultLedger {
  /** The promises. */
  enum Promise {
    NO_LOST_CONTAINER,
    NO_LOST_LINE,
    NO_DOUBLED_LINE,
    NO_WRONG_EXIT_CODE,
    NO_WRONG_ANSWER,
    NOTHING_UNLISTED,
    NOTHING_STUCK,
    NOTHING_LEAKED
  }

  /** A broken promise, with enough to find out why. */
  record Breach(Promise promise, long count, String what) {}

  private final Set<String> pods = ConcurrentHashMap.newKeySet();
  private final Set<String> steadyContainers = ConcurrentHashMap.newKeySet();
  private final Set<String> withoutStub = ConcurrentHashMap.newKeySet();
  private final Map<String, String> mayBeUnknown = new ConcurrentHashMap<>();
  private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>();
  private final List<Breach> breaches = java.util.Collections.synchronizedList(new ArrayList<>());
  private final ConcurrentLinkedQueue<Duration> restarts = new ConcurrentLinkedQueue<>();

  /** From now on the pod must be listed as ready. */
  void podIsUp(String podId) {
    pods.add(podId);
  }

  /** From now on it may be gone. */
  void podMayGo(String podId) {
    pods.remove(podId);
  }

  Set<String> podsUp() {
    return Set.copyOf(pods);
  }

  /** From now on the container must be listed as running: nothing ends it but us. */
  void containerRuns(String containerId) {
    steadyContainers.add(containerId);
  }

  void containerMayEnd(String containerId) {
    steadyContainers.remove(containerId);
  }

  Set<String> containersRunning() {
    return Set.copyOf(steadyContainers);
  }

  /** The container's stub is about to be killed. */
  void losesItsStub(String containerId) {
    withoutStub.add(containerId);
  }

  boolean lostItsStub(String containerId) {
    return withoutStub.contains(containerId);
  }

  /**
   * Nobody can know how this container ended.
   *
   * @param cause the proof
   */
  void exitIsUnknown(String containerId, String cause) {
    mayBeUnknown.put(containerId, cause);
  }

  boolean mayBeUnknown(String containerId) {
    return mayBeUnknown.containsKey(containerId);
  }

  void count(String what) {
    count(what, 1);
  }

  void count(String what, long amount) {
    counts.computeIfAbsent(what, _ -> new LongAdder()).add(amount);
  }

  void restarted(Duration untilListed) {
    restarts.add(untilListed);
  }

  void broken(Promise promise, String what) {
    broken(promise, 1, what);
  }

  void broken(Promise promise, long count, String what) {
    breaches.add(new Breach(promise, count, what));
  }

  List<Breach> breaches() {
    return List.copyOf(breaches);
  }

  Map<Promise, Long> breachCounts() {
    Map<Promise, Long> all = new EnumMap<>(Promise.class);
    for (Promise promise : Promise.values()) {
      all.put(promise, 0L);
    }
    breaches().forEach(breach -> all.merge(breach.promise(), breach.count(), Long::sum));
    return all;
  }

  Map<String, Long> counts() {
    Map<String, Long> all = new TreeMap<>();
    counts.forEach((what, count) -> all.put(what, count.sum()));
    return all;
  }

  /** How long each restart took until everything was listed, the shortest first. */
  List<Duration> restarts() {
    return restarts.stream().sorted().toList();
  }

  /** The containers whose exit code nobody can know, and why. */
  Map<String, String> unknownExits() {
    return Map.copyOf(mayBeUnknown);
  }
}
