package dev.berth.sandbox;

final class BerthShimFaultTest extends FaultContract {
  BerthShimFaultTest() {
    super("berth");
  }
}
