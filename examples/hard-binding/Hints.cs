[assembly: System.Runtime.CompilerServices.Dependency("Greeting", System.Runtime.CompilerServices.LoadHint.Always)]
