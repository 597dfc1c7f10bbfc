// Options of `kvreel record` and their help.
#include "cli/record_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "cli/option_group.h"
#include "cli/record_prompts.h"
#include "engine/policy/fixed_budget.h"
#include "engine/policy/registry.h"

namespace kvreel::cli {
namespace {

// Lines of text under an entry of a list.
std::string indented(std::string_view lines) {
  std::string text;
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    text += fmt::format("      {}\n", lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return text;
}

// "4GiB" into bytes.
CLI::Validator as_size() {
  const auto convert = [units = CLI::AsSizeValue(false)](std::string& text) -> std::string {
    const std::string given = text;
    try {
      if (!text.starts_with('-') && units(text).empty()) return "";
    } catch (const CLI::ValidationError&) {
      // Its message lists thirty units.
    }
    return fmt::format("'{}' is no size; write a number and KiB, MiB or GiB, such as 4GiB", given);
  };
  return {convert, ""};
}

std::string policy_help() {
  std::string text =
      "Policies, for --policy NAME or --policy NAME:option=value,option=value. A value may be a "
      "list: "
      "refreekv:threshold=1%,5% stands for two runs.\n";
  for (const engine::PolicyInfo& info : engine::known_policies()) {
    text += fmt::format("  {:<20}{}\n", info.name, info.summary);
    text += indented(info.options);
  }
  return text + "  Options of all fixed budgets:\n" + indented(engine::kFixedBudgetHelp);
}

}  // namespace

void add_record_options(CLI::App& app, RecordOptions& o) {
  app.footer(policy_help() + R"(
Examples:
  kvreel record --model ~/models/Qwen2.5-0.5B-Instruct --prompts questions.jsonl --chat -o trace.h5
  kvreel record --model M --prompts gsm8k.jsonl --template 'Question: {question}\nAnswer:' --limit 20 -o g.h5
  kvreel record --model M --dataset gsm8k:test.jsonl --limit 200 --policy full --policy refreekv -o s.h5
  kvreel record --model M --load-format dummy --prompt 'Any text' --policy full -o shape.h5

Ctrl-C ends the pass in progress and finishes the trace. The same command resumes it, also after a kill,
and takes more prompts and more policies behind those that are there.)");

  const OptionGroup model{app, "Model"};
  model
      .option("--model", o.model,
              "Hugging Face model directory (config.json, *.safetensors, tokenizer.json)")
      ->required()
      ->type_name("DIR");
  model
      .option("--load-format", o.load_format,
              "auto: read the weights; dummy: make them from --seed")
      ->check(CLI::IsMember({"auto", "dummy"}))
      ->capture_default_str();

  const OptionGroup prompts{app, "Prompts"};
  prompts
      .option("--dataset", o.dataset,
              "A data set in its published layout, as in gsm8k:test.jsonl; with its prompt, length "
              "and metrics unless they are given")
      ->type_name("NAME:FILE");
  app.add_flag_callback(
         "--list-datasets",
         [] {
           fmt::print("{}", list_datasets());
           throw CLI::Success();
         },
         "Print the data sets and metrics, and exit")
      ->group(prompts.heading)
      ->trigger_on_parse();
  prompts.option("--preset", o.preset, "Whose lengths a data set's answers get")
      ->check(CLI::IsMember({"refreekv", "longbench"}))
      ->capture_default_str();
  prompts
      .option("--metric", o.metrics,
              "Scores against the reference answers (default: the data set's)")
      ->type_name("NAME[,NAME]")
      ->delimiter(',')
      ->allow_extra_args(false);
  prompts.option("--prompts", o.prompts, "Prompt file: .jsonl, .json (a list), or plain text")
      ->type_name("FILE");
  prompts.option("--prompt", o.prompt_texts, "A prompt as text; may be given several times")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  prompts
      .option("--template", o.format,
              "How a record becomes a prompt: {field} or {/json/pointer}; \\n is a newline. "
              "Default: the "
              "field 'prompt', 'messages' or 'ids'")
      ->type_name("TEXT");
  prompts.option("--answer-field", o.answer_field,
                 "Field with the reference answer (default: answer, answers, reference)");
  prompts.option("--id-field", o.id_field,
                 "Field that names the sample (default: id, else the line)");
  prompts.option("--offset", o.offset, "Records to skip")->check(CLI::NonNegativeNumber);
  prompts.option("--limit", o.limit, "Most records to use; 0: all")->check(CLI::NonNegativeNumber);
  prompts.flag("--chat", o.chat, "Render prompts with the model's chat template");
  prompts
      .option("--system", o.system,
              "System message, with --chat; a data set's goes before the prompt without")
      ->type_name("TEXT")
      ->each([&o](const std::string&) { o.system_given = true; });
  prompts
      .option("--truncate", o.truncate,
              "A prompt that does not fit: refuse it, or cut out its middle as LongBench does "
              "(default for its sets)")
      ->check(CLI::IsMember({"refuse", "middle"}))
      ->capture_default_str()
      ->each([&o](const std::string&) { o.truncate_given = true; });
  prompts
      .option("--max-prompt-tokens", o.max_prompt_tokens,
              "Most prompt tokens; 0: what the model's positions leave")
      ->check(CLI::NonNegativeNumber);

  const OptionGroup runs{app, "Runs"};
  runs.option("--policy", o.policies,
              "A run with this policy; may be given several times (default: full and refreekv)")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  runs.option("--share-prefill", o.share_prefill,
              "Which runs share a prompt's prefill: those of one --policy list, all, or none. A "
              "shared prefill's time is a sum of parts, not measured end to end")
      ->check(CLI::IsMember({"sweeps", "all", "none"}))
      ->capture_default_str();
  CLI::Option* const fidelity =
      runs.flag("--fidelity", o.fidelity,
                "Compare every run with the run 'full' along its output, step by step: divergence, "
                "agreement, lost attention. Costs two decode steps each");
  runs.option("--fidelity-steps", o.fidelity_steps, "Most steps to compare")
      ->check(CLI::PositiveNumber)
      ->needs(fidelity)
      ->capture_default_str();
  runs.option("--max-new-tokens", o.max_new_tokens,
              "Most tokens to generate for a prompt (a data set has a default of its own)")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->each([&o](const std::string&) { o.max_new_tokens_given = true; });
  runs.flag("--ignore-eos", o.ignore_eos, "Go on after the model's stop tokens");
  runs.option("--temperature", o.temperature, "0: greedy; above: sampling")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  runs.option("--top-k", o.top_k, "Sample from the k most probable tokens; 0: all")
      ->check(CLI::NonNegativeNumber);
  runs.option("--top-p", o.top_p, "Sample from the fewest tokens that reach this probability")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  runs.option("--seed", o.seed, "Seed of sampling and of dummy weights")->capture_default_str();

  const OptionGroup engine{app, "Engine"};
  engine.option("--kv-dtype", o.kv_dtype, "Element type of the KV cache")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->capture_default_str();
  engine.option("--page-rows", o.page_rows, "Positions in a page of the KV cache")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  engine.option("--threads", o.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
  engine
      .option("--isa", o.isa,
              "Instruction set of the CPU kernels; auto: the best this processor has")
      ->check(CLI::IsMember({"auto", "generic", "avx2", "avx512"}))
      ->capture_default_str();
  engine.option("--chunk-rows", o.chunk_rows, "Prompt rows that go through an operation at once")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  engine.flag("--ignore-memory", o.ignore_memory,
              "Do not refuse what seems too large for the memory");

  const OptionGroup trace{app, "Trace"};
  trace
      .option("-o,--output", o.output,
              "The trace to write; one that this command began before is resumed")
      ->required()
      ->type_name("FILE");
  trace.flag("--force", o.force, "Replace an existing file");
  trace
      .option("--on-record-error", o.on_record_error,
              "When recording fails, for want of room say: stop the run, or continue without "
              "recording, print each run's mean scores at the end, and exit with 1. What was "
              "recorded stays readable, and the same command goes on with it")
      ->check(CLI::IsMember({"stop", "continue"}))
      ->capture_default_str();
  trace
      .option("--queue-size", o.queue_bytes,
              "Memory for rows on their way to a slow disk. The model never waits: "
              "beyond it spans, bytes and attention are dropped and counted; decisions and passes "
              "are kept up to four times as much (at least 1GiB), then recording fails")
      ->transform(as_size())
      ->type_name("SIZE")
      ->default_str("256MiB");
  trace
      .option("--commit-interval", o.commit_interval_ms,
              "Milliseconds between commits: the most that a kill can lose")
      ->check(CLI::Range(0, 60'000))
      ->type_name("MS")
      ->capture_default_str();
  trace
      .option("--shard-size", o.shard_bytes,
              "Bytes of spans and other large tables, before compression, in one file; then they "
              "go on in FILE.s0001, FILE.s0002, ... beside it. 0: never")
      ->transform(as_size())
      ->type_name("SIZE")
      ->default_str("4GiB");
  trace.flag("--no-spans", o.no_spans, "Do not record the time of every operation");
  trace.flag("--no-norms", o.no_norms, "Do not record attention norms");
  trace.flag("--decode-norms", o.decode_norms, "Record attention norms of decode steps too");
  trace
      .option(
          "--attention-rows", o.attention_rows,
          "Record the attention of the last K prompt rows (1 where no K is given): K x layers x "
          "heads x tokens x 4 bytes for each pass")
      ->expected(0, 1)
      ->default_str("1")
      ->check(CLI::Range(1, 4096))
      ->type_name("[K]");
  trace.flag("--no-hash", o.no_hash, "Do not hash the model's files");
  trace.flag("--no-bandwidth", o.no_bandwidth,
             "Do not measure the machine's read bandwidth beforehand");
  trace.flag("--quiet", o.quiet, "Print errors only");
}

}  // namespace kvreel::cli
