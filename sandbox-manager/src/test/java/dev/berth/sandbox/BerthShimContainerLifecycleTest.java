package dev.berth.sandbox;

final class BerthShimContainerLifecycleTest extends ContainerLifecycleContract {
  BerthShimContainerLifecycleTest() {
    super("berth");
  }
}
