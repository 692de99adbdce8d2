import CommandKit
import RunCommands

@main
enum Entrypoint {
    static func main() { Program.main(RunProgram.self) }
}
