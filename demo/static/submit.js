// Without JavaScript the button on the page does the same.
document.getElementById("forward").submit();
