import CommandKit
import ExplainCommands

@main
enum Entrypoint {
    static func main() { Program.main(ExplainProgram.self) }
}
