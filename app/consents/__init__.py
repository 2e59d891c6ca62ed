"""What people agreed to and withdrew; rows are only ever added."""
