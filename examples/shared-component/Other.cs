public static class Other
{
    public static int Main()
    {
        System.Console.WriteLine(Greeting.For("the other application"));
        return 0;
    }
}
