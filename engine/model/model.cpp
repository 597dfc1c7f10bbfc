// Opens a model directory's parts and checks that they agree.
#include "engine/model/model.h"

#include "base/error.h"

namespace kvreel::engine {

Model open_model(const std::filesystem::path& directory) {
  if (!std::filesystem::is_directory(directory)) {
    fail(
        "There is no model directory '{}'; it should hold config.json and *.safetensors, as "
        "Hugging Face's do.",
        directory.string());
  }
  Model model{.directory = directory,
              .config = read_model_config(directory),
              .weights = {},
              .tokenizer = {}};
  if (std::filesystem::exists(directory / "tokenizer.json")) {
    model.tokenizer = Tokenizer::load(directory);
    if (model.tokenizer->vocab_size() > model.config.vocab_size) {
      fail("'{}' has ids up to {}, but '{}' says vocab_size {}: the two are not of the same model.",
           (directory / "tokenizer.json").string(), model.tokenizer->vocab_size() - 1,
           (directory / "config.json").string(), model.config.vocab_size);
    }
  }
  return model;
}

void load_model_weights(Model& model, const LoadOptions& options) {
  model.weights = options.dummy_weights ? make_dummy_weights(model.config, options.seed)
                                        : load_weights(model.directory, model.config);
}

Model load_model(const std::filesystem::path& directory, const LoadOptions& options) {
  Model model = open_model(directory);
  load_model_weights(model, options);
  return model;
}

}  // namespace kvreel::engine
