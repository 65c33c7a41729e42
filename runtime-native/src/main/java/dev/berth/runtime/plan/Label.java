package dev.berth.runtime.plan;

/** A place further down in a plan, set by {@link PlanBuilder#place}. */
final class Label {
  private int index = -1;

  void set(int stepIndex) {
    if (index >= 0) {
      throw new IllegalStateException("label placed twice");
    }
    index = stepIndex;
  }

  /** The index of the step that follows the label. */
  int index() {
    if (index < 0) {
      throw new IllegalStateException("label never placed");
    }
    return index;
  }
}
