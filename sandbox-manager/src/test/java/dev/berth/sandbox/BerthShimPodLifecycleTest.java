package dev.berth.sandbox;

final class BerthShimPodLifecycleTest extends PodLifecycleContract {
  BerthShimPodLifecycleTest() {
    super("berth");
  }
}
