import ArgumentParser
import CommandKit

/// `git mlrun`: pipelines, experiments, models.
public struct RunProgram: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "git-mlrun",
        abstract: "Run pipelines, record metrics in Git notes, train and ensemble models of commits.",
        usage: "git mlrun <command> [<options>]",
        discussion: """
            A pipeline is written in mlrun.yaml (or dvc.yaml, the same language):

              stages:
                train:
                  cmd: git mlrun train --params params.yaml --out models/reviews
                  deps: [data]
                  params: [model, training]
                  outs: [models/reviews]

            Then:  git mlrun repro && git add -A && git commit && git mlrun log
            """,
        version: Program.version,
        groupedSubcommands: [
            CommandGroup(
                name: "Pipelines",
                subcommands: [Repro.self, Status.self, Dag.self, StageCommand.self, Freeze.self, Unfreeze.self]),
            CommandGroup(
                name: "History",
                subcommands: [
                    Log.self, Show.self, Diff.self, Record.self, MetricsCommand.self, ParamsCommand.self, Best.self,
                    Check.self, Bisect.self, PlotsCommand.self, ReportCommand.self, Reindex.self,
                ]),
            CommandGroup(name: "Experiments", subcommands: [ExpCommand.self, Run.self]),
            CommandGroup(
                name: "Models",
                subcommands: [
                    Split.self, Train.self, Evaluate.self, Predict.self, Compare.self, Verify.self, Ensemble.self,
                    Export.self,
                ]),
            CommandGroup(name: "Serving", subcommands: [Serve.self, DeployCommand.self, Monitor.self, Image.self]),
            CommandGroup(name: "Exchange", subcommands: [Fetch.self, Push.self]),
            CommandGroup(name: "Plumbing", subcommands: [Hook.self, ServeReplica.self]),
        ])

    public init() {}
}
