public static class App
{
    public static int Main(string[] arguments)
    {
        System.Console.WriteLine(Greeting.For(arguments.Length > 0 ? arguments[0] : "world"));
        return 0;
    }
}
