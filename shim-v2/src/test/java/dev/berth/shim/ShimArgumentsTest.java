package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.shim.ShimArguments.Verb;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShimArgumentsTest {
  private static ShimArguments parse(String line) {
    return ShimArguments.parse(line.isEmpty() ? List.of() : List.of(line.split(" ", -1)));
  }

  @Test
  void containerdsStartIsUnderstood() {
    var arguments =
        parse(
            "-namespace k8s.io -address /run/berth.sock -publish-binary /bin/true -id pod1 -bundle"
                + " /run/b/pod1 -debug start");

    assertThat(arguments)
        .isEqualTo(
            new ShimArguments(
                Verb.START,
                "k8s.io",
                "/run/berth.sock",
                "/bin/true",
                "pod1",
                Path.of("/run/b/pod1"),
                true));
  }

  @Test
  void flagsMayHaveTwoDashesOrAnEqualsSign() {
    var arguments = parse("--namespace=a -id=b --debug=false delete");

    assertThat(arguments.verb()).isEqualTo(Verb.DELETE);
    assertThat(arguments.namespace()).isEqualTo("a");
    assertThat(arguments.id()).isEqualTo("b");
    assertThat(arguments.debug()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"'',SERVE", "-v,VERSION", "-info,INFO", "-id x,SERVE"})
  void verbIsToServeUnlessSaidOtherwise(String line, Verb verb) {
    assertThat(parse(line).verb()).isEqualTo(verb);
  }

  @ParameterizedTest
  @CsvSource({
    "-id ../x start,-id",
    "-id,-id needs a value",
    "-colour red,-colour",
    "stop,unknown command"
  })
  void whatIsWrongIsNamed(String line, String word) {
    assertThatThrownBy(() -> parse(line))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(word);
  }

  @Test
  void namespaceMustBeAName() {
    assertThatThrownBy(() -> parse("-namespace a/b start").requireNamespace())
        .hasMessageContaining("-namespace");
  }
}
