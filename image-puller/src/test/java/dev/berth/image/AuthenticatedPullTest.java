package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.Certificates;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.testing.TokenServer;
import dev.berth.image.unpack.Tars;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A real registry that lets in whom it knows: by password over TLS, or by token. */
class AuthenticatedPullTest extends RegistryFixture {
  private static final String NAME = "team/private:v1";

  @BeforeEach
  void push() {
    pusher.push(
        "team/private",
        "v1",
        new TestImage().layer(new Tars().file("a", "x").bytes(), Compression.GZIP));
  }

  private static Credentials identityToken(String token) {
    return Credentials.of("", "", "", "", token, "");
  }

  private static Credentials registryToken(String token) {
    return Credentials.of("", "", "", "", "", token);
  }

  @Test
  void aPasswordOpensARegistryOverTls() throws IOException {
    Certificates tls = Certificates.in(dir.resolve("keys"));
    try (var locked = DockerRegistry.startWithTlsAndPassword(storage, tls)) {
      Path folder = dir.resolve("hosts").resolve(locked.host().replace(':', '_') + "_");
      Files.writeString(
          Files.createDirectories(folder).resolve("hosts.toml"),
          "[host.\"https://%s\"]\nca = \"%s\"\n".formatted(locked.host(), tls.authority()));
      for (Credentials wrong : List.of(Credentials.none(), Credentials.basic("berth", "wrong"))) {
        assertThatThrownBy(() -> pull(locked, NAME, wrong)).hasMessageContaining("not authorized");
      }
      assertThat(pull(locked, NAME, Credentials.basic("berth", "secret")).layers()).hasSize(1);
    }
  }

  @Test
  void aRegistryTokenGoesToTheRegistryAsItIs() {
    try (var tokens = TokenServer.start(dir);
        var locked = DockerRegistry.startWithTokens(storage, tokens)) {
      String token = tokens.tokenFor("team/private");
      assertThat(pull(locked, NAME, registryToken(token)).layers()).hasSize(1);
      assertThatThrownBy(() -> pull(locked, NAME, registryToken(token + "x")))
          .hasMessageContaining("not authorized");
      assertThat(tokens.requests()).as("nobody else saw it").isEmpty();
    }
  }

  @Test
  void anIdentityTokenIsExchangedAtTheTokenServer() {
    try (var tokens = TokenServer.start(dir);
        var locked = DockerRegistry.startWithTokens(storage, tokens)) {
      assertThat(pull(locked, NAME, identityToken("refresh-me")).layers()).hasSize(1);
      assertThat(tokens.requests())
          .containsExactly(
              "POST grant_type=refresh_token&service=test-service"
                  + "&scope=repository%3Ateam%2Fprivate%3Apull&client_id=berth"
                  + "&refresh_token=refresh-me null");
      assertThatThrownBy(() -> pull(locked, NAME, identityToken("unknown")))
          .hasMessageContaining("not authorized");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"identitytoken", "registrytoken"})
  void tokensOfDockersConfigurationCountToo(String field) throws IOException {
    try (var tokens = TokenServer.start(dir);
        var locked = DockerRegistry.startWithTokens(storage, tokens)) {
      String token = field.equals("identitytoken") ? "refresh-me" : tokens.tokenFor("team/private");
      Files.writeString(
          dir.resolve("config.json"),
          "{\"auths\": {\"%s\": {\"%s\": \"%s\"}}}".formatted(locked.host(), field, token));
      assertThat(pull(locked, NAME, Credentials.none()).layers()).hasSize(1);
      assertThat(tokens.requests()).hasSize(field.equals("identitytoken") ? 1 : 0);
    }
  }
}
