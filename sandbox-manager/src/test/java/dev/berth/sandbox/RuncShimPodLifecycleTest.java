package dev.berth.sandbox;

final class RuncShimPodLifecycleTest extends PodLifecycleContract {
  RuncShimPodLifecycleTest() {
    super("runc");
  }
}
